/** The little page inside the shop: says how long a delivery takes. */

const distance = document.querySelector("#distance");

distance.addEventListener("input", () => {
  const km = Number(distance.value);
  const days = 1 + Math.ceil(km / 15);
  document.querySelector("#km").textContent = `${km} km`;
  document.querySelector("#days").textContent = days === 1 ? "a day" : `${days} days`;
});

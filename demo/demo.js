/** The demo shop: pages by history.pushState, a list to search and sort, a basket, a checkout. Works under `default-src 'self'`. */

import "./breakers.js";
import "./chart.js";
import "./rating.js";
import { drawProduct, products } from "./products.js";

const PAGES = { shop: "Kettle & Leaf", checkout: "Checkout – Kettle & Leaf", workshop: "Break things – Kettle & Leaf" };
const basket = new Map(JSON.parse(sessionStorage.getItem("basket") ?? "[]"));

const find = (selector) => document.querySelector(selector);
const euro = (amount) => `€ ${amount.toFixed(2)}`;

/** An element with a class, text and children; what is undefined is left out. */
function create(name, { className, text, ...attributes } = {}, ...children) {
  const element = document.createElement(name);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

// Pages

function showPage() {
  const asked = new URLSearchParams(location.search).get("page") ?? "shop";
  const page = Object.hasOwn(PAGES, asked) ? asked : "shop";
  for (const view of document.querySelectorAll("[data-view]")) view.hidden = view.dataset.view !== page;
  for (const link of document.querySelectorAll("nav [data-page]")) {
    if (link.dataset.page === page) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = PAGES[page];
}

function goTo(page) {
  history.pushState(null, "", page === "shop" ? "/demo" : `/demo?page=${page}`);
  showPage();
  scrollTo(0, 0);
}

for (const link of document.querySelectorAll("[data-page]")) {
  link.addEventListener("click", (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    goTo(link.dataset.page);
  });
}
addEventListener("popstate", showPage);

// The list

const ORDERS = {
  name: (a, b) => a.name.localeCompare(b.name, "en"),
  cheap: (a, b) => a.price - b.price,
  dear: (a, b) => b.price - a.price,
  rating: (a, b) => b.rating - a.rating,
};

function showProducts() {
  const words = find("#search").value.trim().toLowerCase();
  const found = products
    .filter((product) => `${product.name} ${product.text} ${product.kind}`.toLowerCase().includes(words))
    .filter((product) => product.stock || !find("#in-stock").checked)
    .sort(ORDERS[find("#sort").value]);
  find("#products").replaceChildren(...found.map(createCard));
  find("#nothing-found").hidden = found.length > 0;
}

function createCard(product) {
  const add = create("button", { type: "button", text: "Add", "data-add": product.id });
  add.addEventListener("click", () => changeBasket(product.id, 1));
  const offer = product.stock ? add : create("span", { className: "sold-out", text: "sold out" });
  return create(
    "li",
    { className: "product", id: `product-${product.id}` },
    drawProduct(product),
    create("h3", { text: product.name }),
    create("p", { text: product.text }),
    create("shop-rating", { value: product.rating }),
    create("div", { className: "buy" }, create("span", { className: "price", text: euro(product.price) }), offer),
  );
}

find("#search").addEventListener("input", showProducts);
find("#sort").addEventListener("change", showProducts);
find("#in-stock").addEventListener("change", showProducts);
find("#tools").addEventListener("submit", (event) => event.preventDefault());

// The basket

function changeBasket(id, by) {
  const count = (basket.get(id) ?? 0) + by;
  if (count > 0) basket.set(id, count);
  else basket.delete(id);
  sessionStorage.setItem("basket", JSON.stringify([...basket]));
  showBasket();
}

function showBasket() {
  const lines = products.filter((product) => basket.has(product.id));
  const total = lines.reduce((sum, product) => sum + product.price * basket.get(product.id), 0);
  find("#cart-count").textContent = String([...basket.values()].reduce((sum, count) => sum + count, 0));
  for (const list of [find("#cart-lines"), find("#summary")]) {
    list.replaceChildren(...lines.map(createLine));
    if (lines.length === 0) list.append(create("li", { text: "Nothing yet." }));
  }
  find("#total").textContent = euro(total);
  find("#cart-total").textContent = euro(total);
}

function createLine(product) {
  const count = basket.get(product.id);
  const less = create("button", { type: "button", text: "−", "aria-label": `One ${product.name} less` });
  less.addEventListener("click", () => changeBasket(product.id, -1));
  return create(
    "li",
    {},
    create("span", { text: product.name }),
    create("span", { text: `${count} ×` }),
    create("span", { text: euro(product.price) }),
    less,
  );
}

find("#open-cart").addEventListener("click", () => find("#cart").showModal());
find("#cart").addEventListener("close", () => {
  if (find("#cart").returnValue === "checkout") goTo("checkout");
  find("#cart").returnValue = "";
});

find("#checkout").addEventListener("submit", (event) => {
  event.preventDefault();
  find("#thanks-text").textContent = "Your order is on its way to nowhere. You will not hear from us.";
  find("#thanks").showModal();
});

showPage();
showProducts();
showBasket();

/** Buttons that go wrong, each in its own way. */

const log = document.querySelector("#log");

function tell(text) {
  const line = document.createElement("li");
  line.textContent = text;
  log.prepend(line);
}

function onClick(id, act) {
  document.querySelector(`#${id}`).addEventListener("click", act);
}

function pourFrom(pot) {
  return pot.contents.volume;
}

onClick("throw", () => {
  tell("Poured from a pot that is not there.");
  pourFrom({});
});

onClick("throw-twice", () => {
  tell("Dropped two cups.");
  setTimeout(() => {
    throw new RangeError("the second cup fell as well");
  }, 200);
  throw new Error("the first cup fell");
});

onClick("reject", () => {
  tell("Promised tea that we do not have.");
  void Promise.reject(new Error("the tea that was promised is sold out"));
});

onClick("fail-fetch", async () => {
  const answer = await fetch("/demo/stock-of-1974.json?secret=token");
  tell(`Asked for the stock of 1974: ${answer.status}.`);
});

onClick("fail-xhr", () => {
  const request = new XMLHttpRequest();
  request.open("POST", "/demo/reserve-table.json");
  request.addEventListener("loadend", () => tell(`Tried to reserve a table: ${request.status}.`));
  request.send("table=4");
});

onClick("log-error", () => {
  console.error("The water is only %d degrees", 61, { kettle: "copper" });
  tell("Complained to the console.");
});

onClick("mark", () => {
  window.watchback?.mark("tea-time", { cups: 2, biscuits: true });
  tell("Left a mark called tea-time.");
});

/** The generated pages that the sample recordings are made on, and what a visitor does there. Plain HTML, nothing fetched. */

/** One page and one visitor's way through it. `act` runs in the page, for about as long as the recording lasts. */
export interface SamplePage {
  title: string;
  html: string;
  /** Source of an async function body in the page; `wait(ms)` is there. */
  act: string;
}

const STYLE = `<style>
  body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem; color: #223; background: #fbfbfd }
  h1 { font-size: 1.4rem } .row { display: flex; gap: 1rem; align-items: center }
  button { padding: .4rem .8rem; border: 1px solid #99a; border-radius: .4rem; background: #fff; cursor: pointer }
  input { padding: .4rem; border: 1px solid #99a; border-radius: .4rem }
  li { padding: .2rem 0 } .done { text-decoration: line-through; color: #888 }
  .card { border: 1px solid #dde; border-radius: .6rem; padding: 1rem; min-width: 9rem; background: #fff }
  .bar { height: 12px; background: #4a7; transition: width .3s } table { border-collapse: collapse }
  td, th { border: 1px solid #dde; padding: .2rem .6rem; text-align: left } .bad { color: #b22 }
</style>`;

const page = (title: string, body: string) =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${title}</title>${STYLE}</head><body>${body}</body></html>`;

/** A list that is added to, ticked off and filtered. */
export const todo: SamplePage = {
  title: "Things to do",
  html: page(
    "Things to do",
    `<h1>Things to do</h1><div class="row"><input id="new" placeholder="What next?"><button id="add">Add</button></div><ul id="list"></ul>
    <p id="left">0 left</p><script>
      const list = document.getElementById("list"), field = document.getElementById("new");
      const count = () => { document.getElementById("left").textContent = list.querySelectorAll("li:not(.done)").length + " left"; };
      document.getElementById("add").addEventListener("click", () => {
        const item = document.createElement("li"); item.textContent = field.value; item.addEventListener("click", () => { item.classList.toggle("done"); count(); });
        list.append(item); field.value = ""; count();
      });
    </script>`,
  ),
  act: `const field = document.getElementById("new");
    for (const text of ["Buy bread", "Call Ada", "Fix the gate", "Water the beans", "Write to the bank"]) {
      field.focus();
      for (const letter of text) { field.value += letter; field.dispatchEvent(new Event("input", { bubbles: true })); await wait(40); }
      document.getElementById("add").click(); await wait(300);
    }
    for (const item of [...document.querySelectorAll("li")].slice(0, 3)) { item.click(); await wait(400); }`,
};

/** Figures and bars that move by themselves. */
export const dashboard: SamplePage = {
  title: "Dashboard",
  html: page(
    "Dashboard",
    `<h1>Sales today</h1><div class="row" id="cards"></div><svg id="chart" width="600" height="160"></svg><script>
      const cards = document.getElementById("cards");
      for (const name of ["Orders", "Visitors", "Revenue", "Returns"]) cards.insertAdjacentHTML("beforeend", '<div class="card"><b>' + name + '</b><div class="value">0</div><div class="bar" style="width:10%"></div></div>');
      const chart = document.getElementById("chart"); let step = 0;
      window.tick = () => {
        step++;
        for (const card of cards.children) {
          const value = Math.round(50 + 40 * Math.sin(step / 5 + card.textContent.length));
          card.querySelector(".value").textContent = String(value * step); card.querySelector(".bar").style.width = value + "%";
        }
        const dot = document.createElementNS("http://www.w3.org/2000/svg", "circle");
        dot.setAttribute("cx", String((step * 8) % 600)); dot.setAttribute("cy", String(80 + 60 * Math.sin(step / 4))); dot.setAttribute("r", "3");
        chart.append(dot); if (chart.children.length > 60) chart.firstElementChild.remove();
      };
    </script>`,
  ),
  act: `for (let i = 0; i < 60; i++) { window.tick(); await wait(150); }`,
};

/** A long table that is scrolled, sorted and edited. */
export const longTable: SamplePage = {
  title: "Stock list",
  html: page(
    "Stock list",
    `<h1>Stock list</h1><button id="sort">Sort by amount</button><table><thead><tr><th>Article</th><th>Place</th><th>Amount</th></tr></thead><tbody></tbody></table><script>
      const body = document.querySelector("tbody");
      for (let i = 0; i < 400; i++) body.insertAdjacentHTML("beforeend", "<tr><td>Article " + i + "</td><td>Shelf " + (i * 7) % 23 + "</td><td>" + (i * 7919) % 997 + "</td></tr>");
      document.getElementById("sort").addEventListener("click", () => body.append(...[...body.rows].sort((a, b) => a.cells[2].textContent - b.cells[2].textContent)));
    </script>`,
  ),
  act: `for (let y = 0; y < 3000; y += 250) { window.scrollTo(0, y); await wait(150); }
    window.scrollTo(0, 0); await wait(300); document.getElementById("sort").click(); await wait(600);
    const rows = document.querySelectorAll("tbody tr");
    for (let i = 0; i < 40; i++) { rows[i * 3].cells[2].textContent = String(i * 11); await wait(60); }`,
};

/** A checkout form that breaks in three ways. */
export const broken: SamplePage = {
  title: "Checkout",
  html: page(
    "Checkout",
    `<h1>Checkout</h1><form class="row"><input name="name" placeholder="Name"><input name="mail" placeholder="E-mail"><button type="button" id="pay">Pay</button></form><p id="told"></p><script>
      document.getElementById("pay").addEventListener("click", () => {
        document.getElementById("told").innerHTML = '<span class="bad">Something went wrong.</span>';
        null.total.toFixed(2);
      });
    </script>`,
  ),
  act: `const [name, mail] = document.querySelectorAll("input");
    for (const [field, text] of [[name, "Ada Example"], [mail, "ada@example.com"]]) {
      field.focus();
      for (const letter of text) { field.value += letter; field.dispatchEvent(new Event("input", { bubbles: true })); await wait(45); }
    }
    await wait(3000); document.getElementById("pay").click(); await wait(200); document.getElementById("pay").click();
    await wait(1500); void Promise.reject(new Error("payment gateway did not answer")); await wait(1000);`,
};

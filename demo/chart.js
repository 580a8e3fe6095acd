/** A line that moves: one point every half second. */

const POINTS = 60;
const WIDTH = 300;
const HEIGHT = 90;

/** People who want no motion get none. */
const stillness = matchMedia("(prefers-reduced-motion: reduce)");
const line = document.querySelector("#chart-line");
const area = document.querySelector("#chart-area");
const now = document.querySelector("#chart-now");
const values = Array.from({ length: POINTS }, (_, i) => 40 + 18 * Math.sin(i / 6) + 8 * Math.sin(i / 2.3));
let step = POINTS;

function draw() {
  const points = values.map((value, i) => `${((i / (POINTS - 1)) * WIDTH).toFixed(1)},${(HEIGHT - value).toFixed(1)}`);
  line.setAttribute("d", `M${points.join("L")}`);
  area.setAttribute("d", `M0,${HEIGHT}L${points.join("L")}L${WIDTH},${HEIGHT}Z`);
  now.textContent = String(Math.round(values.at(-1)));
}

draw();
setInterval(() => {
  if (stillness.matches) return;
  values.shift();
  values.push(40 + 18 * Math.sin(step / 6) + 8 * Math.sin(step / 2.3) + 6 * (Math.random() - 0.5));
  step++;
  draw();
}, 500);

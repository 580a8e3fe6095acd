/** What the shop has, and a picture for each. */

export const products = [
  {
    id: "sencha",
    name: "Sencha, first pick",
    price: 14.5,
    rating: 4.8,
    stock: true,
    kind: "leaf",
    hue: "#8fb573",
    text: "Green, grassy, and gone by June.",
  },
  {
    id: "oolong",
    name: "Milk oolong",
    price: 18,
    rating: 4.6,
    stock: true,
    kind: "leaf",
    hue: "#c7b36a",
    text: "Rolled by hand; opens like a fist.",
  },
  {
    id: "assam",
    name: "Assam, second flush",
    price: 11,
    rating: 4.2,
    stock: true,
    kind: "leaf",
    hue: "#a8653c",
    text: "Strong enough for Monday.",
  },
  {
    id: "puerh",
    name: "Pu-erh cake 2009",
    price: 46,
    rating: 4.9,
    stock: false,
    kind: "cake",
    hue: "#5f4330",
    text: "Older than the phone you read this on.",
  },
  {
    id: "rooibos",
    name: "Rooibos",
    price: 8,
    rating: 3.9,
    stock: true,
    kind: "leaf",
    hue: "#c0562f",
    text: "Red, sweet, and lets you sleep.",
  },
  {
    id: "mint",
    name: "Garden mint",
    price: 6.5,
    rating: 4.1,
    stock: true,
    kind: "leaf",
    hue: "#5f9c7d",
    text: "From the bed behind the shop.",
  },
  {
    id: "kettle",
    name: "Copper kettle",
    price: 89,
    rating: 4.7,
    stock: true,
    kind: "pot",
    hue: "#c77b4a",
    text: "Whistles in tune, more or less.",
  },
  {
    id: "kyusu",
    name: "Side-handle pot",
    price: 64,
    rating: 4.8,
    stock: true,
    kind: "pot",
    hue: "#6b4a3e",
    text: "Clay from Tokoname; pours with one hand.",
  },
  {
    id: "glass",
    name: "Glass pot",
    price: 32,
    rating: 4.0,
    stock: true,
    kind: "pot",
    hue: "#9cbcc4",
    text: "For those who like to watch.",
  },
  {
    id: "cup",
    name: "Celadon cup",
    price: 21,
    rating: 4.5,
    stock: true,
    kind: "cup",
    hue: "#9dbfa8",
    text: "Crackles quietly when it is new.",
  },
  {
    id: "mug",
    name: "Enamel mug",
    price: 12,
    rating: 3.8,
    stock: false,
    kind: "cup",
    hue: "#d9d4c7",
    text: "Survives hikes and children.",
  },
  {
    id: "tin",
    name: "Tea tin",
    price: 9.5,
    rating: 4.3,
    stock: true,
    kind: "cake",
    hue: "#7c8ba1",
    text: "Keeps light, air and colleagues out.",
  },
];

const SHAPES = {
  leaf: [
    ["path", { d: "M70 82c0-32 24-50 66-52 2 38-16 62-46 62-12 0-20-4-20-10Z", fill: "HUE" }],
    ["path", { d: "M62 96c12-26 28-42 52-52", fill: "none", stroke: "#fffdf8", "stroke-width": "3", "stroke-linecap": "round" }],
  ],
  cake: [
    ["rect", { x: "62", y: "34", width: "76", height: "62", rx: "12", fill: "HUE" }],
    ["rect", { x: "62", y: "52", width: "76", height: "20", fill: "#fffdf8", opacity: ".55" }],
  ],
  pot: [
    ["path", { d: "M62 60c0-20 16-30 36-30s36 10 36 30-14 36-36 36-36-16-36-36Z", fill: "HUE" }],
    ["path", { d: "M132 56c12-2 18-8 22-18", fill: "none", stroke: "HUE", "stroke-width": "8", "stroke-linecap": "round" }],
    ["path", { d: "M64 52c-18-2-22 26 2 26", fill: "none", stroke: "HUE", "stroke-width": "6" }],
    ["circle", { cx: "98", cy: "26", r: "5", fill: "HUE" }],
  ],
  cup: [
    ["path", { d: "M66 44h64c0 30-8 50-32 50S66 74 66 44Z", fill: "HUE" }],
    ["path", { d: "M128 52c20-4 22 24-6 24", fill: "none", stroke: "HUE", "stroke-width": "6" }],
    [
      "path",
      {
        d: "M84 34c-4-8 6-8 2-16M102 34c-4-8 6-8 2-16",
        fill: "none",
        stroke: "#b9b3a4",
        "stroke-width": "3",
        "stroke-linecap": "round",
      },
    ],
  ],
};

/** A drawing of the product, made of SVG elements. */
export function drawProduct(product) {
  const svg = createSvg("svg", { viewBox: "0 0 200 120", "aria-hidden": "true", preserveAspectRatio: "xMidYMid slice" });
  svg.append(createSvg("rect", { width: "200", height: "120", fill: "#efe9da" }));
  for (const [name, attributes] of SHAPES[product.kind]) {
    const coloured = Object.entries(attributes).map(([key, value]) => [key, value === "HUE" ? product.hue : value]);
    svg.append(createSvg(name, Object.fromEntries(coloured)));
  }
  return svg;
}

function createSvg(name, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

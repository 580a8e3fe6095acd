/** <shop-rating value="4.5">: stars and a heart, in a shadow root of its own. */

const sheet = new CSSStyleSheet();
sheet.replaceSync(`
  :host { display: flex; gap: .5rem; align-items: center; font-size: .85rem; color: #6d675c; }
  .stars { letter-spacing: .1em; color: #c98a1b; }
  button { margin-left: auto; border: 0; padding: 0 .3rem; font: inherit; color: inherit; background: none; cursor: pointer; }
  button[aria-pressed="true"] { color: #b4552d; }
`);

class ShopRating extends HTMLElement {
  connectedCallback() {
    if (this.shadowRoot) return;
    const value = Number(this.getAttribute("value"));
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [sheet];
    const stars = document.createElement("span");
    stars.className = "stars";
    stars.textContent = "★".repeat(Math.round(value)) + "☆".repeat(5 - Math.round(value));
    const number = document.createElement("span");
    number.textContent = value.toFixed(1);
    const like = document.createElement("button");
    like.type = "button";
    like.textContent = "♡ like";
    like.setAttribute("aria-pressed", "false");
    like.addEventListener("click", () => {
      const isLiked = like.getAttribute("aria-pressed") !== "true";
      like.setAttribute("aria-pressed", String(isLiked));
      like.textContent = isLiked ? "♥ liked" : "♡ like";
    });
    root.append(stars, number, like);
  }
}

customElements.define("shop-rating", ShopRating);

/** Start of the viewer. */

import { mount } from "svelte";
import "./ui/tokens.css";
import "./ui/forms.css";
import App from "./app.svelte";
import { preloadSession } from "./net/session-preload.ts";

if (preloadSession(window.location.pathname)) void import("./pages/session-page.svelte");

const target = document.getElementById("app");
if (!target) throw new Error("the page has no #app");

export default mount(App, { target });

/** How the visitor sees those who help him: calm, readable over any page, in light and dark. */

export const STYLE = `
  :host { all: initial !important; position: fixed !important; z-index: 2147483647 !important; inset: auto 0 0 0 !important; width: 100% !important; height: 0 !important; overflow: visible !important; display: block !important;
    font: 14px/1.45 system-ui, sans-serif !important; color: #101828; --paper: #fff; --ink: #101828; --soft: #475467; --line: #d0d5dd; --accent: #1463d8; --end: #b42318; --wash: #f2f4f7; }
  @media (prefers-color-scheme: dark) { :host { --paper: #1d2433; --ink: #f2f4f7; --soft: #b0b9c8; --line: #3b465c; --accent: #7cacf8; --end: #ffb4a9; --wash: #2a3346; } }
  * { box-sizing: border-box; }
  .sky { position: fixed; inset: 0; overflow: hidden; pointer-events: none; }
  .page { position: absolute; top: 0; left: 0; width: 0; height: 0; }
  .pointer { position: absolute; top: 0; left: 0; transition: transform 60ms linear; }
  .pointer svg { display: block; width: 20px; height: 24px; filter: drop-shadow(0 1px 2px #0006); }
  .pointer span, .ring span { position: absolute; top: 20px; left: 14px; padding: 1px 7px; border-radius: 9px; color: #fff; font-size: 12px; white-space: nowrap; max-width: 180px; overflow: hidden; text-overflow: ellipsis; }
  .ring { position: absolute; border: 3px solid; border-radius: 6px; box-shadow: 0 0 0 3px #fff9; }
  .ring span { top: auto; bottom: calc(100% + 4px); left: 0; }
  .ring.guide { animation: beat 1.2s ease-in-out infinite; }
  @keyframes beat { 50% { box-shadow: 0 0 0 9px #1463d84d; } }
  @media (prefers-reduced-motion: reduce) { .ring.guide { animation: none; } .pointer { transition: none; } }
  svg.lines { position: absolute; top: 0; left: 0; width: 1px; height: 1px; overflow: visible; }
  polyline { fill: none; stroke-width: 4; stroke-linecap: round; stroke-linejoin: round; }
  .dock { position: fixed; bottom: 12px; left: 50%; transform: translateX(-50%); width: min(440px, calc(100vw - 16px)); max-height: calc(100vh - 24px); display: flex; flex-direction: column; gap: 8px; pointer-events: none; }
  .dock > * { pointer-events: auto; background: var(--paper); color: var(--ink); border: 1px solid var(--line); border-radius: 12px; box-shadow: 0 6px 24px #10182833; }
  .bar { display: flex; gap: 8px; align-items: center; padding: 8px 8px 8px 12px; }
  .who { flex: 1; min-width: 0; }
  .who b, .who small { display: block; overflow-wrap: anywhere; }
  .who small { color: var(--soft); font-size: 12.5px; }
  .dot { display: inline-block; width: 9px; height: 9px; margin-right: 6px; border-radius: 50%; }
  .card { padding: 12px; max-height: 60vh; overflow: auto; }
  h2, p { margin: 0 0 6px; font: inherit; }
  h2 { font-weight: 600; }
  p, .note { color: var(--soft); font-size: 13px; }
  label { display: flex; gap: 8px; align-items: flex-start; padding: 3px 0; }
  label input { flex: none; width: 16px; height: 16px; margin: 2px 0 0; accent-color: var(--accent); }
  .row { display: flex; flex-wrap: wrap; gap: 8px; margin-top: 8px; }
  button { font: inherit; font-weight: 500; min-height: 34px; padding: 4px 14px; border: 1px solid var(--line); border-radius: 8px; background: var(--paper); color: var(--ink); cursor: pointer; }
  button:hover { background: var(--wash); }
  button.yes { background: #1463d8; border-color: #1463d8; color: #fff; }
  button.yes:hover { background: #0f52b5; }
  button.end { border-color: var(--end); color: var(--end); }
  button.small { min-height: 26px; padding: 1px 9px; font-size: 12.5px; }
  button:focus-visible, input:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
  .log { max-height: 32vh; overflow: auto; margin: 0 0 8px; padding: 0; list-style: none; }
  .log li { margin: 4px 0; padding: 5px 10px; border-radius: 10px; background: var(--wash); overflow-wrap: anywhere; white-space: pre-wrap; }
  .log li.own { margin-left: 24px; background: #1463d8; color: #fff; }
  .log b { display: block; font-size: 12px; font-weight: 600; }
  form { display: flex; gap: 8px; }
  form input { flex: 1; min-width: 0; font: inherit; padding: 5px 10px; border: 1px solid var(--line); border-radius: 8px; background: var(--paper); color: var(--ink); }
  .powers { display: flex; justify-content: space-between; gap: 8px; align-items: center; padding: 3px 0; }
  .said { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  [hidden] { display: none !important; }
`;

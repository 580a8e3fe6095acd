/** Resolves just before the browser paints what was put into the document; at once where nobody sees it. */
export function nextPaint(): Promise<void> {
  if (document.hidden) return Promise.resolve();
  return new Promise((resolve) => {
    requestAnimationFrame(() => {
      resolve();
    });
  });
}

/** The address of an embedded view. */

const ADDRESS = /^(https?:\/\/[^/?#]+(?:\/[^?#]*)?\/embed\/\d+)#(wbe1\.[\w.-]+)$/;

/** Where a page is and its token; null for what is no address of an embedded view. */
export function readEmbedAddress(src: string): { page: string; token: string } | null {
  const [, page, token] = ADDRESS.exec(src.trim()) ?? [];
  return page === undefined || token === undefined ? null : { page, token };
}

/* The few globals that browsers and Node share and that the wire needs. `protocol/` is checked without the DOM and
   without Node's types, so that nothing else of either can slip in. */
declare class TextEncoder {
  encode(text: string): Uint8Array<ArrayBuffer>;
}
declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean });
  decode(bytes: Uint8Array): string;
}
declare function atob(base64: string): string;
declare function btoa(binary: string): string;

/** Payloads as bytes and back. Without one they are JSON: what JSON cannot say, such as a Date, arrives as JSON has it. */
export interface PayloadCodec {
  readonly encode: (payload: unknown) => string | Uint8Array;
  readonly decode: (bytes: Uint8Array) => unknown;
}

export const json: PayloadCodec = {
  // What is undefined has no JSON, and is null.
  encode: (payload) => JSON.stringify(payload ?? null),
  decode: (bytes) => JSON.parse(textOf(bytes)) as unknown,
};

export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
}

/** Bytes written and read in order: numbers big endian, texts in UTF-8 behind their length. */

const LEAST = 256;

export class ByteWriter {
  #bytes = Buffer.allocUnsafe(LEAST);
  #length = 0;

  uint8(value: number): void {
    this.#length = this.#with(1).writeUInt8(value, this.#length);
  }

  uint16(value: number): void {
    this.#length = this.#with(2).writeUInt16BE(value, this.#length);
  }

  double(value: number): void {
    this.#length = this.#with(8).writeDoubleBE(value, this.#length);
  }

  /** Behind a length of 16 bits. Throws RangeError for more than 65,535 bytes. */
  text16(value: string): void {
    const size = Buffer.byteLength(value);
    this.uint16(size);
    this.#text(value, size);
  }

  /** Behind a length of 32 bits. */
  text32(value: string): void {
    const size = Buffer.byteLength(value);
    this.#length = this.#with(4).writeUInt32BE(size, this.#length);
    this.#text(value, size);
  }

  /** What was written, and these bytes. */
  followedBy(bytes: Uint8Array): Uint8Array {
    const all = new Uint8Array(this.#length + bytes.length);
    all.set(this.#bytes.subarray(0, this.#length));
    all.set(bytes, this.#length);
    return all;
  }

  #text(value: string, size: number): void {
    this.#length += this.#with(size).write(value, this.#length);
  }

  /** The bytes, with room for so many more. */
  #with(more: number): Buffer {
    const needed = this.#length + more;
    if (needed > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(2 * needed);
      this.#bytes.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
    return this.#bytes;
  }
}

/** Every read throws RangeError beyond the end. */
export class ByteReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  uint8(): number {
    return this.#bytes.readUInt8(this.#passing(1));
  }

  uint16(): number {
    return this.#bytes.readUInt16BE(this.#passing(2));
  }

  double(): number {
    return this.#bytes.readDoubleBE(this.#passing(8));
  }

  text16(): string {
    return this.#text(this.uint16());
  }

  text32(): string {
    return this.#text(this.#bytes.readUInt32BE(this.#passing(4)));
  }

  /** What was not read. */
  rest(): Uint8Array {
    return this.#bytes.subarray(this.#at);
  }

  #text(size: number): string {
    if (size === 0) return '';
    const from = this.#passing(size);
    if (this.#at > this.#bytes.length) throw new RangeError(`ends before a text of ${String(size)} bytes does`);
    return this.#bytes.toString('utf8', from, this.#at);
  }

  #passing(size: number): number {
    const at = this.#at;
    this.#at = at + size;
    return at;
  }
}

// The numbers of the page: one block of bytes, of which each column is a part.

const TYPES = { 1: Int8Array, 2: Int16Array, 4: Int32Array, 8: Float64Array };
const ABSENT = { 1: -(2 ** 7), 2: -(2 ** 15), 4: -(2 ** 31) };

/** Unpack the block: Base64, then DEFLATE. */
export async function unpack(text) {
  const binary = atob(text.trim());
  const bytes = new Uint8Array(binary.length);
  for (let place = 0; place < binary.length; place += 1) bytes[place] = binary.charCodeAt(place);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Response(stream).arrayBuffer();
}

/** Return the bytes of whole numbers: in the block all first bytes come first, then all second ones. */
function gathered(block, offset, length, size) {
  const from = new Uint8Array(block, offset, length * size);
  const bytes = new Uint8Array(length * size);
  for (let place = 0; place < length; place += 1) {
    for (let byte = 0; byte < size; byte += 1) bytes[place * size + byte] = from[byte * length + place];
  }
  return bytes.buffer;
}

/** Return a function of a place in a column, whose value is a number, or null for none. */
export function column(block, where) {
  if (!where) return () => null;
  const [offset, length, size, decimals] = where;
  const values = new TYPES[size](gathered(block, offset, length, size));
  const scale = 10 ** decimals;
  if (size === 8) return (place) => (Number.isNaN(values[place]) ? null : values[place]);
  return (place) => (values[place] === ABSENT[size] ? null : values[place] / scale);
}

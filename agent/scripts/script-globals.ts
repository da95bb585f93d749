/**
 * The globals of a scoring script: the language itself, and what computes without touching the machine.
 * Everything else goes (process, fetch, WebSocket, BroadcastChannel, …), also what a later Node adds.
 */
const keptGlobals: ReadonlySet<string> = new Set(
  `globalThis Infinity NaN undefined eval isFinite isNaN parseFloat parseInt decodeURI decodeURIComponent
  encodeURI encodeURIComponent escape unescape Object Function Boolean Symbol Error AggregateError EvalError
  RangeError ReferenceError SyntaxError TypeError URIError SuppressedError DisposableStack AsyncDisposableStack
  Number BigInt Math Date String RegExp Array Int8Array Uint8Array Uint8ClampedArray Int16Array Uint16Array
  Int32Array Uint32Array BigInt64Array BigUint64Array Float16Array Float32Array Float64Array Map Set WeakMap
  WeakSet WeakRef FinalizationRegistry ArrayBuffer SharedArrayBuffer DataView Atomics JSON Promise Proxy Reflect
  Iterator Intl WebAssembly TextEncoder TextDecoder URL URLSearchParams atob btoa structuredClone queueMicrotask
  setTimeout clearTimeout setInterval clearInterval setImmediate clearImmediate AbortController AbortSignal
  Event EventTarget DOMException performance crypto`.split(/\s+/),
);

/** Removes every other global from the calling thread. To be called before a script is loaded. */
export function removeForeignGlobals(): void {
  for (const name of Object.getOwnPropertyNames(globalThis)) {
    if (!keptGlobals.has(name)) Reflect.deleteProperty(globalThis, name);
  }
}

/** Defines a global that the script sees and cannot replace. */
export function defineGlobal(name: string, value: unknown): void {
  Object.defineProperty(globalThis, name, { value, enumerable: false });
}

import { onnxRuntime } from './library.ts';

// Begins to load ONNX Runtime in another thread while this process still loads its modules. An entry point that will
// run models imports it first. What goes wrong is told to who loads the first model.

try {
  const { addon, libraryPath } = onnxRuntime();
  addon.beginLoading(libraryPath);
} catch {
  // As above.
}

import { monitorEventLoopDelay } from 'node:perf_hooks';

// Preloaded into a server under test. At SIGUSR2 it prints the 99th percentile of the event loop's delay since
// the last time, in milliseconds, as one line of its standard output, and starts anew.

const nsPerMs = 1e6;
const histogram = monitorEventLoopDelay({ resolution: 1 });
histogram.enable();

process.on('SIGUSR2', () => {
  process.stdout.write(`loop-delay ${(histogram.percentile(99) / nsPerMs).toFixed(3)}\n`);
  histogram.reset();
});

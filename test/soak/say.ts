/** A line of the report. */
export function say(stage: string, text: string): void {
  process.stdout.write(`${stage.padEnd(10)} ${text}\n`);
}

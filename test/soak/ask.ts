import { type Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Question } from './questions.ts';

/** How a client behaves: waits for its answer, leaves, or takes its time. */
export type Manner =
  | 'patient'
  | 'leaves-while-sending'
  | 'leaves-while-waiting'
  | 'leaves-while-reading'
  | 'slow';

/** What became of a request. */
export type Outcome =
  | { kind: 'right'; route: string }
  | { kind: 'refused' }
  | { kind: 'left' }
  | { kind: 'wrong' | 'lost'; reason: string };

/** An answer takes at most so long; then it counts as lost. */
const answerMs = 60_000;
const pieces = 4;

/** Sends one request and judges its answer. `leaveMs` is how long one waits that leaves. */
export async function ask(
  question: Question,
  options: { port: number; agent: Agent; manner: Manner; leaveMs: number },
): Promise<Outcome> {
  const { path, headers, body } = question;
  const { port, agent, manner, leaveMs } = options;
  const signal = AbortSignal.timeout(answerMs);
  const client = request({
    host: '127.0.0.1',
    port,
    agent,
    path,
    method: 'POST',
    headers: { ...headers, 'content-length': body.length },
    signal,
  });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    client.once('response', resolve);
    client.once('error', reject);
  });
  answered.catch(() => undefined);
  try {
    await send(client, body, manner);
    if (manner === 'leaves-while-sending') return leave(client);
    if (manner === 'leaves-while-waiting') {
      await sleep(leaveMs);
      return leave(client);
    }
    const response = await answered;
    if (manner === 'leaves-while-reading') return leave(client);
    const whole = await read(response, manner);
    // Node throws away what an aborted request has not read yet, and then ends it as if that were all.
    signal.throwIfAborted();
    return judge(question, response, whole);
  } catch (thrown) {
    return { kind: 'lost', reason: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}

async function send(client: ClientRequest, body: Buffer, manner: Manner): Promise<void> {
  if (manner === 'leaves-while-sending') {
    await new Promise<void>((resolve) => {
      client.once('close', resolve);
      client.write(body.subarray(0, body.length / 2), () => resolve());
    });
  } else if (manner === 'slow') {
    const size = Math.ceil(body.length / pieces);
    for (let start = 0; start < body.length; start += size) {
      client.write(body.subarray(start, start + size));
      await sleep(50);
    }
    client.end();
  } else client.end(body);
}

function leave(client: ClientRequest): Outcome {
  client.on('error', () => undefined);
  client.destroy();
  return { kind: 'left' };
}

async function read(response: IncomingMessage, manner: Manner): Promise<Buffer> {
  if (manner === 'slow') await sleep(100);
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

function judge(question: Question, { statusCode, headers }: IncomingMessage, body: Buffer): Outcome {
  if (statusCode === 429) return { kind: 'refused' };
  const text = (): string => `${question.kind}: ${statusCode} ${body.toString('latin1', 0, 300)}`;
  if (statusCode !== 200) return { kind: 'lost', reason: text() };
  try {
    if (question.isRight(body, headers)) return { kind: 'right', route: String(headers['x-sluice-route']) };
  } catch {
    // Not even the form is right.
  }
  return { kind: 'wrong', reason: text() };
}

import type { ServerDuplexStream } from '@grpc/grpc-js';

/** A stream of requests and answers, in bytes. */
export type StreamCall = ServerDuplexStream<Buffer, Buffer>;

/**
 * Answers the requests of a stream in the order of their arrival. At most `depthMax` are under way: then the
 * client has to wait, as it does when it does not read its answers. `answer` never rejects.
 */
export function answerInOrder(
  call: StreamCall,
  { answer, depthMax }: { answer: (request: Buffer) => Promise<Buffer>; depthMax: number },
): void {
  let underWay = 0;
  let tail: Promise<void> = Promise.resolve();
  call.on('data', (request: Buffer) => {
    underWay += 1;
    if (underWay >= depthMax) call.pause();
    const answered = answer(request);
    tail = tail.then(async () => {
      await write(call, await answered);
      underWay -= 1;
      call.resume();
    });
  });
  call.once('end', () => void tail.then(() => call.end()));
}

/** Resolves when the client has room for more, or is gone. */
function write(call: StreamCall, message: Buffer): Promise<void> | undefined {
  if (call.cancelled || call.write(message)) return undefined;
  return new Promise((resolve) => {
    const proceed = (): void => {
      call.off('drain', proceed);
      call.off('close', proceed);
      resolve();
    };
    call.once('drain', proceed);
    call.once('close', proceed);
  });
}

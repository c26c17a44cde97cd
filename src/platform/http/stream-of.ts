/**
 * An answer that is written while it is made. A fault on the way breaks the connection off: the status
 * is sent by then, and an answer that looked whole would be a lie.
 */
export function streamOf(parts: AsyncGenerator<string>, contentType = 'application/json'): Response {
  const encoder = new TextEncoder();
  const stream = new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      try {
        const { done, value } = await parts.next();
        if (done) {
          controller.close();
        } else {
          controller.enqueue(encoder.encode(value));
        }
      } catch (error) {
        controller.error(error);
      }
    },
    cancel: async () => {
      await parts.return(undefined);
    },
  });
  return new Response(stream, { headers: { 'content-type': contentType, 'cache-control': 'no-store' } });
}

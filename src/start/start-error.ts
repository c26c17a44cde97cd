/** A reason not to start, in words for the person who started. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

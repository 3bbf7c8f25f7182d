/** The body of a request is not what its headers say. The sender must not send it again. */
export class MalformedRequestError extends Error {
  override readonly name = 'MalformedRequestError';
}

import type { Socket } from 'node:dgram';
import type { SegmentDocument } from '../../../core/telemetry/tracer.ts';

const HEADER = '{"format":"json","version":1}\n';

/**
 * Sends spans to the X-Ray daemon, which runs beside every function, by UDP: nothing waits for it, and a span that is lost
 * is only not seen. https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html
 */
export class XRaySink {
  readonly #host: string;
  readonly #port: number;
  readonly #pending = new Set<Promise<void>>();
  #socket: Socket | undefined;

  /** @param address of the daemon, `host:port`, as Lambda gives it in AWS_XRAY_DAEMON_ADDRESS */
  constructor(address = '127.0.0.1:2000') {
    const [host = '127.0.0.1', port = '2000'] = address.split(':');
    this.#host = host;
    this.#port = Number(port);
  }

  readonly send = (segment: SegmentDocument): void => {
    const socket = this.#open();
    const sent = new Promise<void>((resolve) => {
      socket.send(HEADER + JSON.stringify(segment), this.#port, this.#host, () => resolve());
    });
    this.#pending.add(sent);
    void sent.finally(() => this.#pending.delete(sent));
  };

  /** Node's module is loaded at the first span, and not in the function's cold start. */
  #open(): Socket {
    this.#socket ??= process
      .getBuiltinModule('node:dgram')
      .createSocket('udp4')
      .on('error', () => {})
      .unref();
    return this.#socket;
  }

  /** Waits until all is handed to the system; Lambda freezes a function that has answered. */
  async flush(): Promise<void> {
    await Promise.all(this.#pending);
  }
}

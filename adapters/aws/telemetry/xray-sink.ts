import type { Socket } from 'node:dgram';
import type { SegmentDocument } from '../../../core/telemetry/tracer.ts';
import { lazily } from '../clients/lazily.ts';

/**
 * Sends spans to the X-Ray daemon, which runs beside every function, by `aws-xray-sdk-core`. No request waits for the
 * daemon, and a lost span is only missing from the trace. The SDK is loaded at the first sampled span, so that no cold
 * start waits for it.
 *
 * To send OpenTelemetry's spans instead, replace this file (docs/adr/0006-traces.md).
 */
export class XRaySink {
  readonly #pending = new Set<Promise<void>>();
  readonly #emit: () => Promise<(span: SegmentDocument) => void>;

  /** @param address of the daemon, `host:port`. By default the SDK reads AWS_XRAY_DAEMON_ADDRESS, which Lambda sets */
  constructor(address?: string) {
    this.#emit = lazily(() => loadSdk((sent) => this.#waitFor(sent), address));
  }

  readonly send = (span: SegmentDocument): void => {
    this.#waitFor(this.#emit().then((emit) => emit(span)));
  };

  /** Waits until the operating system has all spans: Lambda freezes a function that has answered. */
  async flush(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending); // an emitted span adds the work of sending it
  }

  #waitFor(work: Promise<void>): void {
    const done = work.catch(() => {}).finally(() => this.#pending.delete(done));
    this.#pending.add(done);
  }
}

/**
 * Loads the parts of the SDK that make and send segments. Its contexts and patches of clients are left out: they hook into
 * every promise of the process, and the tracer has contexts already.
 * @param waitFor receives a promise for each datagram, resolved when the datagram has left
 */
async function loadSdk(waitFor: (sent: Promise<void>) => void, address?: string) {
  const [{ default: Segment }, { default: emitter }] = await Promise.all([
    import('aws-xray-sdk-core/dist/lib/segments/segment.js'),
    import('aws-xray-sdk-core/dist/lib/segment_emitter.js'),
  ]);
  if (address !== undefined) emitter.setDaemonAddress(address);
  // The SDK does not report when a datagram has left. It sends through the socket that it finds here.
  Object.assign(emitter, { socket: reportingSocket(waitFor) });
  return ({ name, trace_id, parent_id, ...rest }: SegmentDocument): void => {
    const segment = new Segment(name, trace_id, parent_id);
    Object.assign(segment, rest); // including the id, to which other spans refer as their parent
    segment.close();
  };
}

type SendCallback = (error: Error | null, bytes: number) => void;

function reportingSocket(waitFor: (sent: Promise<void>) => void) {
  const socket: Socket = process
    .getBuiltinModule('node:dgram')
    .createSocket('udp4')
    .on('error', () => {})
    .unref();
  return {
    send(
      message: Uint8Array,
      offset: number,
      length: number,
      port: number,
      host: string,
      callback: SendCallback,
    ): void {
      const sent = Promise.withResolvers<void>();
      waitFor(sent.promise);
      socket.send(message, offset, length, port, host, (error, bytes) => {
        sent.resolve();
        callback(error, bytes);
      });
    },
  };
}

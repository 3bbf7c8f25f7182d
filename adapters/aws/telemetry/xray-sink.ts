import type { Socket } from 'node:dgram';
import type { SegmentDocument } from '../../../core/telemetry/tracer.ts';
import { lazily } from '../clients/clients.ts';

/**
 * Sends spans to the X-Ray daemon, which runs beside every function, by `aws-xray-sdk-core`. Nothing waits for the daemon, and a
 * span that is lost is only not seen. The SDK is loaded at the first sampled span, so that no cold start waits for it.
 *
 * To send OpenTelemetry's spans instead, replace this file (docs/adr/0006-traces.md).
 */
export class XRaySink {
  readonly #pending = new Set<Promise<void>>();
  readonly #emit: () => Promise<(span: SegmentDocument) => void>;

  /** @param address of the daemon, `host:port`; Lambda gives it in AWS_XRAY_DAEMON_ADDRESS, which the SDK reads itself */
  constructor(address?: string) {
    this.#emit = lazily(() => loadSdk((sent) => this.#waitFor(sent), address));
  }

  readonly send = (span: SegmentDocument): void => {
    this.#waitFor(this.#emit().then((emit) => emit(span)));
  };

  /** Waits until all is handed to the system; Lambda freezes a function that has answered. */
  async flush(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending); // to emit a span is followed by sending it
  }

  #waitFor(work: Promise<void>): void {
    const done = work.catch(() => {}).finally(() => this.#pending.delete(done));
    this.#pending.add(done);
  }
}

/**
 * The parts of the SDK that make and send segments. Its other half, contexts and patches of clients, is left out: it hooks into
 * every promise of the process, and the tracer has contexts already.
 * @param waitFor gets each datagram on its way
 */
async function loadSdk(waitFor: (sent: Promise<void>) => void, address?: string) {
  const [{ default: Segment }, { default: emitter }] = await Promise.all([
    import('aws-xray-sdk-core/dist/lib/segments/segment.js'),
    import('aws-xray-sdk-core/dist/lib/segment_emitter.js'),
  ]);
  if (address !== undefined) emitter.setDaemonAddress(address);
  // The SDK does not say when a datagram has left. It sends by the socket that it finds here.
  Object.assign(emitter, { socket: tellingSocket(waitFor) });
  return ({ name, trace_id, parent_id, ...rest }: SegmentDocument): void => {
    const segment = new Segment(name, trace_id, parent_id);
    Object.assign(segment, rest); // among it the id: others hang under it already
    segment.close();
  };
}

type Told = (error: Error | null, bytes: number) => void;

function tellingSocket(waitFor: (sent: Promise<void>) => void) {
  const socket: Socket = process
    .getBuiltinModule('node:dgram')
    .createSocket('udp4')
    .on('error', () => {})
    .unref();
  return {
    send(message: Uint8Array, offset: number, length: number, port: number, host: string, told: Told): void {
      const sent = Promise.withResolvers<void>();
      waitFor(sent.promise);
      socket.send(message, offset, length, port, host, (error, bytes) => {
        sent.resolve();
        told(error, bytes);
      });
    },
  };
}

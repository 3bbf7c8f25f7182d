import * as answers from './answers.ts';
import { Area, type RequestOptions, segment } from './requests.ts';

/** `client.operations` */
export class Operations extends Area {
  /** Rebuilds the views of a projection beside the live views. Readers get the new views once they are complete. */
  rebuild(projection: string, options?: RequestOptions) {
    return this.requests.post(
      `/projections/${segment(projection)}/rebuilds`,
      undefined,
      answers.rebuildRequested,
      options,
    );
  }

  /** Replays all events, or the events of a time range or of some types, into a new generation of a projection. */
  requestReplay(
    body: {
      readonly projection: string;
      readonly from?: string | undefined;
      readonly to?: string | undefined;
      readonly types?: readonly string[] | undefined;
    },
    options?: RequestOptions,
  ) {
    return this.requests.post('/replays', body, answers.replayRequested, options);
  }

  /** The progress of a replay or a rebuild. */
  replay(replayId: string) {
    return this.requests.get(`/replays/${segment(replayId)}`, answers.replay);
  }

  moveReplay(replayId: string, verb: 'pause' | 'resume' | 'discard') {
    return this.requests.post(`/replays/${segment(replayId)}/${verb}`, undefined, answers.replay);
  }

  /** Starts a comparison of store, log and views on the server; {@link verification} gives its progress. */
  verify() {
    return this.requests.post('/verifications', undefined, answers.verificationRequested);
  }

  verification(verificationId: string) {
    return this.requests.get(`/verifications/${segment(verificationId)}`, answers.verification);
  }

  /** A page of the batches that Lambda gave up for the projector or the relay. */
  failedBatches({ cursor }: { readonly cursor?: string } = {}) {
    const query = new URLSearchParams(cursor === undefined ? {} : { cursor });
    return this.requests.get(`/failed-batches?${query}`, answers.failedBatches);
  }

  /** Redrives failed batches through their consumers, for some seconds; `more` says that further batches are left. */
  redriveFailedBatches({ after }: { readonly after?: string | undefined } = {}) {
    const query = new URLSearchParams(after === undefined ? {} : { after });
    return this.requests.post(`/failed-batches/redrive?${query}`, undefined, answers.redrivenBatches);
  }

  /**
   * Switches to the generation of a replay that is ready. `acceptPart` allows a generation with a part of the events.
   */
  switchToReplay(replayId: string, body: { readonly acceptPart?: boolean } = {}) {
    return this.requests.post(`/replays/${segment(replayId)}/switch`, body, answers.replay);
  }
}

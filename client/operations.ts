import * as answers from './answers.ts';
import { Area, type RequestOptions, segment } from './requests.ts';

/** `client.operations` */
export class Operations extends Area {
  /** Makes all views of a projection anew, beside the live views; readers get them once they are whole. */
  rebuild(projection: string, options?: RequestOptions) {
    return this.requests.post(
      `/projections/${segment(projection)}/rebuilds`,
      undefined,
      answers.rebuildRequested,
      options,
    );
  }

  /** Replays all events, or those of a time or of some types, into a new generation of a projection. */
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

  /** How far a replay, or a rebuild, has come. */
  replay(replayId: string) {
    return this.requests.get(`/replays/${segment(replayId)}`, answers.replay);
  }

  moveReplay(replayId: string, verb: 'pause' | 'resume' | 'discard') {
    return this.requests.post(`/replays/${segment(replayId)}/${verb}`, undefined, answers.replay);
  }

  /** Has the server hold store, log and views against each other; {@link verification} says how far that is. */
  verify() {
    return this.requests.post('/verifications', undefined, answers.verificationRequested);
  }

  verification(verificationId: string) {
    return this.requests.get(`/verifications/${segment(verificationId)}`, answers.verification);
  }

  /** Serves the generation of a replay that is ready; a generation of a part of the events only when that is accepted. */
  switchToReplay(replayId: string, body: { readonly acceptPart?: boolean } = {}) {
    return this.requests.post(`/replays/${segment(replayId)}/switch`, body, answers.replay);
  }
}

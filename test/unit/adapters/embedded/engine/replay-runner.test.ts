import { expect, it, onTestFinished, vi } from 'vitest';
import { ReplayRunner } from '../../../../../adapters/embedded/engine/replay-runner.ts';
import { UnavailableError } from '../../../../../core/base/errors.ts';
import { replayStage } from '../../../../support/replay-stage.ts';

it('resumes unfinished replays, also when the first read of their list failed', async () => {
  const { replays, work, append, log, projector } = replayStage();
  const commit = await append('1', 'a');
  log.append(commit);
  await projector.apply([commit]);
  await replays.request({ replayId: 'r1', projection: 'actions', scope: {}, switchWhenReady: true });
  vi.spyOn(replays, 'list').mockRejectedValueOnce(new UnavailableError('the disk is full'));
  const logger = { warn: vi.fn(), error: vi.fn() };
  const runner = new ReplayRunner({ replays, logger, work: () => work });
  onTestFinished(() => runner.close());
  runner.start();
  await vi.waitFor(async () => expect(await replays.get('r1')).toMatchObject({ state: 'switched' }), {
    timeout: 10_000,
  });
  expect(logger.error).toHaveBeenCalledOnce();
});

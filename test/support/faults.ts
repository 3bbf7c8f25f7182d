/** A planted mistake: pieces of the source and their replacements. */
export interface Fault {
  readonly name: string;
  readonly edits: readonly (readonly [file: string, find: string, replace: string])[];
  /** Tests that must find the mistake; the usual tests when absent. */
  readonly tests?: readonly string[];
}

const checkpoints = 'core/projections/checkpoints.ts';
const fold = 'core/state/fold.ts';
const projector = 'core/projections/projector.ts';
const publication = 'core/publishing/publication.ts';
const aws = ['test/contract/dynamodb.test.ts'];
const ENTRIES = ['test/unit/adapters/aws/dynamodb/view-entries.test.ts'];
const eventBridge = ['test/unit/adapters/aws/eventbridge/publisher.test.ts'];

const outbox = 'adapters/aws/eventbridge/outbox.ts';
const STALLED = ['test/unit/adapters/embedded/engine/stalled-streams.test.ts'];
const eventStore = 'core/store/event-store.ts';
const KEYS = ['test/unit/api/idempotency-keys.test.ts'];
const REQUESTS = ['test/unit/adapters/aws/dynamodb/requests.test.ts'];
const REPLAY = ['test/unit/core/replays/replay.test.ts', 'test/unit/core/replays/replay.property.test.ts'];

const GATES = ['test/unit/core/sagas/gates.test.ts'];
const SAGA_RUNNER = ['test/unit/core/sagas/embedded-runner/runner.test.ts'];

const LEASES = ['test/unit/core/leases', 'test/unit/api/work.test.ts'];
const SCHEDULES = ['test/simulation/schedules.test.ts'];

const tail = 'core/log/tail.ts';
const chain = 'core/log/chain.ts';
const LOG = ['test/unit/core/log'];
const LAYOUTS = [
  'test/unit/core/log/layouts.property.test.ts',
  'test/unit/core/log/archived-pages.test.ts',
  'test/contract/memory.test.ts',
];
const PUSH = ['test/unit/core/subscriptions', 'test/unit/adapters/web'];
const SUBSCRIPTIONS = ['test/simulation/subscriptions.test.ts', 'test/contract/memory.test.ts'];
const LOG_CONTRACT = ['test/contract/memory.test.ts'];

const budgets = 'core/budgets/budgets.ts';
const BUDGETS = ['test/simulation/budgets.test.ts'];

export const faults: readonly Fault[] = [
  {
    name: 'budgets: commits whose budgets could not be looked at do not come again',
    edits: [
      [
        budgets,
        'return commits.filter((commit) => this.concerns(commit)).map((commit) => ({ commit, error }));',
        'return void error, [];',
      ],
    ],
    tests: BUDGETS,
  },
  {
    name: 'budgets: usage that is counted before its budget begins is not looked at',
    edits: [[budgets, "if (event.type === 'budget.set' || event.type", 'if (event.type']],
    tests: BUDGETS,
  },
  {
    name: 'budgets: a budget that is raised too little stays open',
    edits: [
      [
        budgets,
        "if (event.type === 'budget.set' || event.type === 'budget.raised')",
        "if (event.type === 'budget.set')",
      ],
    ],
    tests: BUDGETS,
  },
  {
    name: 'budgets: a raise does not open a spent budget',
    edits: [
      [
        'core/budgets/budget.ts',
        "limits: event.data.limits, level: 'open', day: undefined",
        'limits: event.data.limits',
      ],
    ],
    tests: BUDGETS,
  },
  {
    name: 'budgets: standing budgets refuse no claim',
    edits: [[budgets, "!== 'spent') continue;", "!== 'spent' || budget.standing) continue;"]],
    tests: BUDGETS,
  },
  {
    name: 'budgets: the saga of a task does not hear that its budget is spent',
    edits: [['domain/task/multi-agent-task-saga.ts', 'id: (_, { input }) => input.budgetId', 'id: () => undefined']],
    tests: BUDGETS,
  },
  {
    name: 'budgets: steps that are withdrawn stay counted for their task',
    edits: [
      [
        'domain/fleet/fleet-overview.ts',
        "const isStep = event.type === 'agent.step-recorded' || event.type === 'agent.step-withdrawn';",
        "const isStep = event.type === 'agent.step-recorded';",
      ],
    ],
    tests: BUDGETS,
  },
  {
    name: 'log: pages that are marked stay in memory as unmarked',
    edits: [[tail, 'this.#marked = Math.max(this.#marked, marked);', 'void marked;']],
    tests: LOG,
  },
  {
    name: 'log: a page with a damaged commit says which types it has',
    edits: [[tail, 'commits.some(({ types }) => types.length === 0) ? []', 'commits.length === 0 ? []']],
    tests: [...LOG, ...LOG_CONTRACT],
  },
  {
    name: 'log: followers ask to be woken after they looked',
    edits: [
      ['core/log/log.ts', 'const { count } = this.#news; // read before the slice', '// read before the slice'],
      ['core/log/log.ts', 'await this.#news.after(count,', 'await this.#news.after(this.#news.count,'],
    ],
    tests: [...LOG, 'test/unit/api/log-stream.test.ts'],
  },
  {
    name: 'log: a writer that catches up passes over pages that left the storage',
    edits: [[tail, 'if (page.page !== (this.#last?.page ?? 0) + 1) return false;', '']],
    tests: LOG,
  },
  {
    name: 'log: the partition is marked before its streams',
    edits: [
      [tail, 'await this.#storage.raiseMarks(new Map([[this.#partition, page]]));', ''],
      [
        tail,
        '    if (page <= this.#marked) return;',
        '    if (page <= this.#marked) return;\n    await this.#storage.raiseMarks(new Map([[this.#partition, page]]));',
      ],
    ],
    tests: LOG,
  },
  {
    name: 'log: a commit that comes again is logged again',
    edits: [
      ['core/log/missing-commits.ts', 'if (endOf(commit) <= end) continue;', 'if (endOf(commit) < end) continue;'],
    ],
    tests: LOG,
  },
  {
    name: 'log: commits that a delivery lacks are not read from the store',
    edits: [['core/log/missing-commits.ts', 'if (commit.version > end + 1) {', 'if (commit.version < 0) {']],
    tests: LOG,
  },
  {
    name: 'log: times of pages fall with the clock',
    edits: [[tail, 'Math.max(now.getTime(), last)', 'now.getTime() || last']],
    tests: LOG,
  },
  {
    name: 'log: a reader passes over pages that left the storage',
    edits: [[chain, 'if (page.page !== expected) break;', 'expected = page.page;']],
    tests: LOG,
  },
  {
    name: 'log: a time is looked for among the pages in the storage only',
    edits: [[chain, '(await this.#seekInHole(recordedAt, low, found.page - 1)) ?? found', 'found']],
    tests: LOG,
  },
  {
    name: 'log: a time range ends before events that were logged late',
    edits: [[chain, 'Date.parse(to) + (last?.latenessMs ?? 0)', 'Date.parse(to) + Math.min(last?.latenessMs ?? 0, 0)']],
    tests: LOG,
  },
  {
    name: 'log: a clock that was ahead stops the archiver',
    edits: [['core/log/archiver.ts', 'if (page.page > until) return;', 'return;']],
    tests: [...LOG, ...LOG_CONTRACT],
  },
  {
    name: 'log: pages of a segment need not follow each other',
    edits: [
      ['core/log/segment.ts', 'if (found.page !== page || found.firstEvent !== event) {', 'if (found.page < 0) {'],
    ],
    tests: LOG_CONTRACT,
  },
  {
    name: 'log: a page is let go before its segment was written',
    edits: [
      [
        'core/log/archiver.ts',
        "await archive.write(texts, compression ? 'gzip' : 'none', this.#now());",
        "await storage.expire(partition, first.page, last.page);\n      await archive.write(texts, compression ? 'gzip' : 'none', this.#now());",
      ],
    ],
    tests: [...LOG, ...LOG_CONTRACT],
  },
  {
    name: 'log: filters look for the types of today only',
    edits: [['core/log/filter.ts', 'catalogue.retired.storedTypesOf(types)', 'new Set(types)']],
    tests: LOG_CONTRACT,
  },
  {
    name: 'a request overtakes an earlier request with events of the same stream',
    edits: [[outbox, 'for (const stream of streams) this.#underWay.add(stream);', '']],
    tests: ['test/simulation/delivery.test.ts'],
  },
  {
    name: 'events after a refused event of their stream are sent',
    edits: [[outbox, 'if (failed.size === 0) return [];', 'return [];']],
    tests: eventBridge,
  },
  {
    name: 'the checkpoint is written before the view',
    edits: [
      [
        checkpoints,
        'return this.#options.views.put(next, expectedVersion, expectedMark, entries);\n    }',
        `return this.#options.views.put({ ...next, view: stored.view }, expectedVersion, expectedMark)
         .then((written) => written && this.#options.views.put(next, next.version, parked));\n    }`,
      ],
    ],
  },
  {
    name: 'the condition on the checkpoint is dropped (SQLite)',
    edits: [['adapters/embedded/sqlite/view-store.ts', ' AND version = :expectedVersion', '']],
  },
  {
    name: 'the condition on the checkpoint is dropped (DynamoDB)',
    edits: [
      [
        'adapters/aws/dynamodb/view-item.ts',
        '(#version = :version AND',
        '(#version = #version OR #version = :version AND',
      ],
    ],
    tests: aws,
  },
  {
    name: 'the condition on the mark is dropped (DynamoDB)',
    edits: [
      [
        'adapters/aws/dynamodb/view-item.ts',
        "'attribute_not_exists(#parked)'",
        "'(attribute_not_exists(#parked) OR #parked = #parked)'",
      ],
    ],
    tests: aws,
  },
  {
    name: 'a gap in the deliveries is ignored',
    edits: [
      [checkpoints, 'if (commit.version > version + 1) {', 'if (commit.version < 0) {'],
      [fold, 'if (commit.version > folded.version + 1) {', 'if (commit.version < 0) {'],
      [fold, '.slice(folded.version + 1 - commit.version,', '.slice(Math.max(0, folded.version + 1 - commit.version),'],
    ],
  },
  {
    name: 'applied commits are applied again',
    edits: [
      [checkpoints, 'if (endOf(commit) <= version) continue;', ''],
      [fold, 'if (endOf(commit) <= folded.version) return folded;', ''],
      [fold, '.slice(folded.version + 1 - commit.version,', '.slice(0,'],
    ],
  },
  {
    name: 'half an append shows in a view',
    edits: [
      [
        'core/projections/fold-commits.ts',
        'foldCommit({ evolve }, base,',
        `foldCommit({ evolve: (state, next) => {
          const after = evolve(state, next);
          whole = { state: after, version: next.sequenceNumber };
          return after;
        } }, base,`,
      ],
    ],
  },
  {
    name: 'a lost race for a checkpoint counts as won',
    edits: [
      [
        projector,
        'return (await this.#checkpoints.write(place, stored, progress, stored.parked)) && !progress.more;',
        'await this.#checkpoints.write(place, stored, progress, stored.parked);\n    return !progress.more;',
      ],
    ],
  },
  {
    name: 'later events of a parked stream are applied',
    edits: [[projector, 'if (isParked(stored)) return undefined;', '']],
  },
  {
    name: 'an outage parks streams',
    edits: [
      ['core/projections/retry-or-park.ts', 'if (last instanceof UnavailableError) throw last;', ''],
      [projector, 'if (failure.error instanceof UnavailableError) return [failure];', ''],
    ],
  },
  {
    name: 'an outage of the views is acknowledged',
    edits: [
      [
        projector,
        'if (failure.error instanceof UnavailableError) return [failure];',
        'if (failure.error instanceof UnavailableError) return [];',
      ],
    ],
  },
  {
    name: 'a redelivery starts at the lowest version, not where the batch first has the stream',
    edits: [
      [
        projector,
        'const streams = [...byStream.values()];',
        'const streams = [...byStream.values()].map((own) => own.toSorted((a, b) => a.version - b.version));',
      ],
    ],
  },
  {
    name: 'a redrive does not let deliveries in before it reads the head',
    edits: [
      ['core/projections/redrive.ts', 'await checkpoints.mark(stored, { ...stored.parked, redriving: true });', ''],
      [
        'core/projections/advance-stream.ts',
        'if (isParked(stored)) return (await whenParked(stored)) &&',
        'if (isParked(stored) && (await whenParked(stored))) return',
      ],
    ],
  },
  {
    name: 'a redrive forgets the attempts before',
    edits: [['core/projections/parked.ts', '[...(earlier?.attempts ?? []), ...attempts]', '[...attempts]']],
  },
  {
    name: 'increments of shared views are written apart from the checkpoint',
    edits: [
      [
        checkpoints,
        'return sharedViews.add(writes, { projection: name, generation, increments, shard, rank });',
        `const apart = async () => {
        await sharedViews.add([], { projection: name, generation, increments, shard, rank });
        return sharedViews.add(writes, { projection: name, generation, increments: NOTHING, shard, rank });
      };
      return apart();`,
      ],
    ],
  },
  {
    name: 'streams of a transaction that failed are forgotten',
    edits: [[projector, 'progress.more) : together;', 'progress.more) : [];']],
  },
  {
    name: 'additions that do not fit in a transaction are lost',
    edits: [[projector, 'together.filter(({ progress }) => progress.more)', 'together.slice(together.length)']],
    tests: ['test/contract/sqlite.test.ts'],
  },
  {
    name: 'an error that keeps even the mark from being written is acknowledged',
    edits: [[projector, 'return [{ ...failure, error }];', 'return [];']],
    tests: ['test/contract/sqlite.test.ts'],
  },
  {
    name: 'the oldest stalled stream is taken to be the first that came',
    edits: [
      [
        'adapters/embedded/engine/stalled-streams.ts',
        'oldest = Math.min(since, oldest ?? since);',
        'oldest ??= since;',
      ],
    ],
    tests: STALLED,
  },
  {
    name: 'stalled streams are forgotten when the server closes',
    edits: [['adapters/embedded/engine/stalled-streams.ts', 'if (this.#closing.signal.aborted) return;', '']],
    tests: STALLED,
  },
  {
    name: 'a later commit of a stalled stream is neither applied nor parked',
    edits: [['adapters/embedded/engine/stalled-streams.ts', 'known.more = true;', '']],
    tests: STALLED,
  },
  {
    name: 'the second look for the commit of a repeat is left out',
    edits: [
      [
        eventStore,
        'const meanwhile = await this.#earlier(draft);',
        'const meanwhile = undefined as Commit | undefined;',
      ],
    ],
    tests: ['test/contract/memory.test.ts'],
  },
  {
    name: 'the key is looked up beside the head, not after it',
    edits: [
      [
        eventStore,
        'const head = await this.#storage.head(draft.commit.stream);\n    // After',
        'const [head, found] = await Promise.all([this.#storage.head(draft.commit.stream), this.#earlier(draft)]);\n    // After',
      ],
      [eventStore, 'const earlier = head > 0 ? await this.#earlier(draft) : undefined;', 'const earlier = found;'],
    ],
    tests: ['test/contract/memory.test.ts'],
  },
  {
    name: 'after a lost place the commit of a repeat is not looked for',
    edits: [
      [
        eventStore,
        'const [actual, earlier] = await Promise.all([this.#storage.head(draft.commit.stream), this.#earlier(draft)]);',
        'const actual = await this.#storage.head(draft.commit.stream); const earlier = undefined as Commit | undefined;',
      ],
    ],
    tests: ['test/contract/memory.test.ts'],
  },
  {
    name: 'a key is repeated for any request',
    edits: [['core/store/append-result.ts', 'known !== digest) throw', 'known !== known) throw']],
    tests: ['test/contract/memory.test.ts'],
  },
  {
    name: 'an append under the key of a request that changed nothing is a repeat',
    edits: [['core/store/append-result.ts', 'if (earlier.count === 0) throw new IdempotencyKeyReusedError();', '']],
    tests: ['test/contract/memory.test.ts'],
  },
  {
    name: 'a command that changed nothing is not noted',
    edits: [['core/state/decider.ts', 'await store.note(stream, { commitId, digest, version });', 'void version;']],
    tests: KEYS,
  },
  {
    name: 'a key that another stream has is taken for new (SQLite)',
    edits: [
      [
        'adapters/embedded/sqlite/commit-changes.ts',
        'if (otherUse.get(place) ?? otherNote.get(place) ?? ',
        'if (otherNote.get(place) ?? ',
      ],
    ],
    tests: KEYS,
  },
  {
    name: 'the note of another stream is not looked at (SQLite)',
    edits: [
      [
        'adapters/embedded/sqlite/commit-changes.ts',
        'if (otherUse.get(place) ?? otherNote.get(place) ?? ',
        'if (otherUse.get(place) ?? ',
      ],
    ],
    tests: KEYS,
  },
  {
    name: 'event ids of a refused append stay (SQLite)',
    edits: [
      [
        'adapters/embedded/sqlite/commit-changes.ts',
        'if (taken.length > 0) throw',
        'for (const [id, n] of given) if (!taken.some(([each]) => each === id)) this.#statements.giveId.run(stream, id, n);\n    if (taken.length > 0) throw',
      ],
    ],
    tests: ['test/contract/sqlite.test.ts'],
  },
  {
    name: 'keys are found without consistency (DynamoDB)',
    edits: [
      [
        'adapters/aws/dynamodb/commit-storage.ts',
        '      ConsistentRead: true,\n      ExpressionAttributeNames: { ...input',
        '      ConsistentRead: !input.IndexName,\n      ExpressionAttributeNames: { ...input',
      ],
    ],
    tests: REQUESTS,
  },
  {
    name: 'the commit of a key is fetched without consistency (DynamoDB)',
    edits: [['adapters/aws/dynamodb/commit-storage.ts', 'Key, ConsistentRead: true });', 'Key });']],
    tests: REQUESTS,
  },
  {
    name: 'a scan takes notes for commits (DynamoDB)',
    edits: [['adapters/aws/dynamodb/commit-storage.ts', 'if (!isNote(item) && item', 'if (item']],
    tests: aws,
  },
  {
    name: 'an event id that is taken is not looked for in the answer of a transaction (DynamoDB)',
    edits: [
      ['adapters/aws/dynamodb/commit-changes.ts', "const notes = of('note');", "const notes = of('note').slice(1);"],
    ],
    tests: aws,
  },
  {
    name: 'an object has its name before its bytes are on the disk',
    edits: [['adapters/embedded/files/object-store.ts', 'await file.datasync();', '']],
    tests: ['test/contract/files.test.ts'],
  },
  {
    name: 'the name of an object is not brought to the disk',
    edits: [
      [
        'adapters/embedded/files/object-store.ts',
        '        await syncFolder(dirname(path));\n        return true;',
        '        return true;',
      ],
    ],
    tests: ['test/contract/files.test.ts'],
  },
  {
    name: 'the names of new folders are not brought to the disk',
    edits: [
      [
        'adapters/embedded/files/object-store.ts',
        'made = dirname(made)) await syncFolder(dirname(made));',
        'made = dirname(made)) dirname(made);',
      ],
    ],
    tests: ['test/contract/files.test.ts'],
  },
  {
    name: 'names of counters are admitted without a condition',
    edits: [
      [
        'core/projections/counter-names.ts',
        'if (await this.#views.put(stored(projection, next.version, names), known.version)) {',
        'if ((await this.#views.put(stored(projection, next.version, names), known.version)) || true) {',
      ],
    ],
    tests: ['test/contract/sqlite.test.ts'],
  },
  {
    name: 'readers do not use the counter names of the views',
    edits: [
      [
        'core/projections/counter-names.ts',
        'const { names } = known ?? (await this.#load(projection));',
        'const names: readonly string[] = []; void known;',
      ],
    ],
    tests: ['test/contract/sqlite.test.ts', 'test/unit/core/projections/past-folds.test.ts'],
  },
  {
    name: 'a counter without room is dropped',
    edits: [
      [
        'core/projections/counter-names.ts',
        'const kept = name === undefined || room.has(name) ? path : pathOf([member, OTHER, ...rest]);',
        'const kept = path; if (name !== undefined && !room.has(name)) continue; void [member, rest, OTHER, pathOf];',
      ],
    ],
    tests: ['test/contract/sqlite.test.ts'],
  },
  {
    name: 'a verification does not use the counter names of the views',
    edits: [
      [
        'core/verification/verification.ts',
        'await comparison.bound(projection, compared.increments)',
        'compared.increments',
      ],
    ],
    tests: ['test/unit/core/verification/verification.test.ts', 'test/unit/api/agent-types.test.ts'],
  },
  {
    name: 'a snapshot is of the first commit’s time',
    edits: [
      [
        'core/state/snapshot-writer.ts',
        'if (commit.recordedAt > recordedAt) recordedAt',
        "if (recordedAt === '') recordedAt",
      ],
    ],
    tests: ['test/unit/core/state/snapshots.test.ts'],
  },
  {
    name: 'contention on shared views is not repeated (DynamoDB)',
    edits: [
      [
        'adapters/aws/clients/service-error.ts',
        'const conflicts = retry(handleType(ConflictError), {\n  maxAttempts: 8,',
        'const conflicts = retry(handleType(ConflictError), {\n  maxAttempts: 0,',
      ],
    ],
    tests: ['test/unit/adapters/aws/dynamodb/shared-views.test.ts'],
  },
  {
    name: 'a shared transaction that failed is kept in part (SQLite)',
    edits: [['adapters/embedded/sqlite/shared-views.ts', '(written) => written', '() => true']],
  },
  {
    name: 'a transaction in conflict counts as written (DynamoDB)',
    edits: [
      [
        'adapters/aws/dynamodb/shared-views.ts',
        "if (reasons.some(({ Code }) => Code === 'ConditionalCheckFailed')) return false;",
        'return true;',
      ],
    ],
    tests: aws,
  },
  {
    name: 'FailedEntryCount is ignored',
    edits: [
      [
        'adapters/aws/eventbridge/publisher.ts',
        'return result?.EventId ? [] : [',
        'return result?.EventId ?? true ? [] : [',
      ],
    ],
    tests: eventBridge,
  },
  {
    name: 'the circuit breaker is left out',
    edits: [['adapters/aws/eventbridge/publisher.ts', 'this.#breaker.execute(send)', 'send()']],
    tests: eventBridge,
  },
  {
    name: 'an event over the size limit of the bus is sent whole',
    edits: [
      [
        'adapters/aws/eventbridge/publisher.ts',
        'return whole.bytes <= MAX_BYTES ? whole :',
        'return whole.bytes > 0 ? whole :',
      ],
    ],
    tests: eventBridge,
  },
  {
    name: 'the bus hears of events before the log has them',
    edits: [
      [
        'core/publishing/relay.ts',
        'await log.append(commits);\n    return publication.publish(commits);',
        'const failed = await publication.publish(commits);\n    await log.append(commits);\n    return failed;',
      ],
    ],
  },
  {
    name: 'an outage of the bus is acknowledged',
    edits: [
      [
        publication,
        'if (first.error instanceof UnavailableError) return undelivered;',
        'if (first.error instanceof UnavailableError) return [];',
      ],
    ],
  },
  {
    name: 'a stream is parked at the last event that failed, not the first',
    edits: [
      [
        publication,
        'undelivered.toSorted((a, b) => a.version - b.version);',
        'undelivered.toSorted((a, b) => b.version - a.version);',
      ],
    ],
  },
  {
    name: 'a commit that comes late is held back behind an event after it',
    edits: [[publication, 'endOf(commit) < (waiting.get(commit.stream) ?? Infinity)', '!waiting.has(commit.stream)']],
  },
  {
    name: 'a commit that reaches over the parked event is published',
    edits: [[publication, 'endOf(commit) < (waiting', 'commit.version < (waiting']],
    tests: ['test/simulation'],
  },
  {
    name: 'a snapshot has the time of its newest commit, not the latest time',
    edits: [
      [
        'core/state/snapshot-writer.ts',
        'if (commit.recordedAt > recordedAt) recordedAt = commit.recordedAt;',
        'recordedAt = commit.recordedAt;',
      ],
    ],
    tests: ['test/unit/core/state/snapshots.test.ts'],
  },
  {
    name: 'a redrive to the bus stops at the mark',
    edits: [
      [
        publication,
        'for await (const commit of store.commits(stream, { from: from + 1 })) {',
        'for await (const commit of store.commits(stream, { from: from + 1, to: from + 1 })) {',
      ],
    ],
  },
  {
    name: 'an outage of the bus is ignored (one machine)',
    edits: [['adapters/embedded/engine/delivery.ts', 'if (unreached) throw unreached.error;', '']],
  },
  {
    name: 'Lambda is told the highest failed record',
    edits: [['adapters/aws/stream/batch.ts', 'failures.find(', 'failures.findLast(']],
    tests: ['test/functions/stream.test.ts'],
  },
  {
    name: 'rebuild: live commits do not reach the generation that is built',
    edits: [
      [
        'core/replays/generations.ts',
        'return building?.follows ? [building.generation, live] : [live];',
        'return [live];',
      ],
    ],
    tests: REPLAY,
  },
  {
    name: 'rebuild: the live generation is written first',
    edits: [
      ['core/replays/generations.ts', '[building.generation, live] : [live]', '[live, building.generation] : [live]'],
    ],
    tests: REPLAY,
  },
  {
    name: 'rebuild: switched without a comparison',
    edits: [['core/replays/work.ts', 'if (running && isWhole(own.scope) &&', 'if (running && !isWhole(own.scope) &&']],
    tests: REPLAY,
  },
  {
    name: 'rebuild: compared before everybody must have learned of it',
    edits: [['core/replays/work.ts', 'if (ranges.length === 0 && Date.parse', 'if (ranges.length < 0 && Date.parse']],
    tests: REPLAY,
  },
  {
    name: 'rebuild: forgotten between being ready and being switched',
    edits: [
      ['core/replays/work.ts', "if (own.state === 'ready' && own.switchWhenReady) return { step: 'finish' };", ''],
    ],
    tests: REPLAY,
  },
  {
    name: 'rebuild: a second rebuild replaces the first',
    edits: [['core/replays/replays.ts', '      if (building) {', '      if (building && !building) {']],
    tests: REPLAY,
  },
  {
    name: 'rebuild: the live views are removed, not the replaced ones',
    edits: [
      ['core/replays/work.ts', "state === 'switched' ? replaces :", "state === 'switched' ? generation :"],
      ['core/replays/work.ts', 'unneeded !== undefined && unneeded !== live &&', 'unneeded !== undefined &&'],
    ],
    tests: REPLAY,
  },
  {
    name: 'sagas: a time-out is written without its cause',
    edits: [['core/sagas/causes.ts', "event.data.cause === 'deadline'", "event.data.cause === 'refused'"]],
    tests: ['test/unit/core/sagas/causes.test.ts'],
  },
  {
    name: 'sagas: a command is written without its correlation id',
    edits: [
      ['core/sagas/execution.ts', "{ source: 'saga', correlationId, causationId }", "{ source: 'saga', causationId }"],
    ],
    tests: ['test/unit/core/sagas/causes.test.ts'],
  },
  {
    name: 'sagas: a repeated answer is recorded',
    edits: [['core/sagas/decider.ts', 'return run && !run.heard ?', 'return run ?']],
    tests: ['test/unit/core/sagas/saga-cost.test.ts'],
  },
  {
    name: 'sagas: each answer folds the saga from its start',
    edits: [
      ['core/sagas/execution.ts', 'new StateReader({ store, cacheBytes: CACHE_BYTES })', 'new StateReader({ store })'],
    ],
    tests: ['test/unit/core/sagas/saga-cost.test.ts'],
  },
  {
    name: 'sagas: a stream that could not be parked is taken for parked',
    edits: [
      [
        'core/sagas/embedded-runner/dead-letters.ts',
        'await this.#marks.park(stream, { version: place, event, error }); // first',
        'this.#streams?.set(stream, place); await this.#marks.park(stream, { version: place, event, error }); // first',
      ],
    ],
    tests: SAGA_RUNNER,
  },
  {
    name: 'sagas: later events of a parked stream are taken',
    edits: [
      ['core/sagas/embedded-runner/runner.ts', 'if (this.#deadLetters.hold(commit)) return [];', ''],
      ['core/sagas/embedded-runner/runner.ts', 'if (!this.#deadLetters.hold(commit)) await', 'await'],
    ],
    tests: SAGA_RUNNER,
  },
  {
    name: 'sagas: a redrive leaves the mark where it was',
    edits: [
      ['core/sagas/embedded-runner/runner.ts', 'await this.#deadLetters.settle(stream, to, failure);', 'void failure;'],
    ],
    tests: SAGA_RUNNER,
  },
  {
    name: 'layout: the next layout is read before the end of the previous layout',
    edits: [
      [
        'core/log/walk.ts',
        "for (const { chain, end } of ends) if (end === 'end' && !(await this.#isLeftBehind(chain))) return false;",
        'void [ends, (chain: LogChain) => this.#isLeftBehind(chain)];',
      ],
    ],
    tests: LAYOUTS,
  },
  {
    name: 'layout: partitions are joined',
    edits: [
      ['core/log/closing.ts', 'wanted.partitions.length >= current.partitions.length', 'wanted.partitions.length > 0'],
    ],
    tests: LAYOUTS,
  },
  {
    name: 'layout: the chains of the layout before are not closed',
    edits: [['core/log/writer.ts', 'await this.#close(partition);', 'void this.#close;']],
    tests: LAYOUTS,
  },
  {
    name: 'layout: the streams of the layout before are not marked',
    edits: [
      ['core/log/writer.ts', 'for (const partition of partitions) await (await this.#tail(partition)).mark();', ''],
    ],
    tests: LAYOUTS,
  },
  {
    name: 'layout: the layout counts as complete before its chains are closed',
    edits: [
      [
        'core/log/writer.ts',
        'for (const partition of partitions) await this.#close(partition);',
        'await this.#options.storage.raiseMarks(new Map([[LAYOUTS, number]]));\n      for (const partition of partitions) await this.#close(partition);',
      ],
    ],
    tests: LAYOUTS,
  },
  {
    name: 'layout: a writer goes on behind a page that closes its chain',
    edits: [
      [
        'core/log/writer.ts',
        'if (pages.length > 0 && tail.last && isClosing(tail.last)) await this.#refuse();',
        'void this.#refuse;',
      ],
    ],
    tests: LAYOUTS,
  },
  {
    name: 'layout: a reader takes the layout that it knows for the last',
    edits: [['core/log/layouts.ts', 'return (await this.read())[number];', 'return undefined;']],
    tests: LAYOUTS,
  },
  {
    name: 'layout: a position forgets the changes of the layout',
    edits: [['core/log/walk.ts', 'this.#layout += 1;', '']],
    tests: LAYOUTS,
  },
  {
    name: 'entries: a view stays in the lists of its first version',
    edits: [
      [
        checkpoints,
        'const entries = entriesOf(projection, progress.view);',
        'const entries = stored.entries ?? entriesOf(projection, progress.view);',
      ],
    ],
    tests: ['test/contract/memory.test.ts'],
  },
  {
    name: 'entries: a write that is refused changes them (SQLite)',
    edits: [
      [
        'adapters/embedded/sqlite/view-store.ts',
        'put() && this.#enter(next, entries)',
        'this.#enter(next, entries) && put()',
      ],
      ['adapters/embedded/sqlite/view-store.ts', '(written) => written', '() => true'],
    ],
    tests: ['test/contract/sqlite.test.ts'],
  },
  {
    name: 'entries: a removed generation leaves them (SQLite)',
    edits: [['adapters/embedded/sqlite/generation-store.ts', 'this.#statements.removeEntries.run(...place);', '']],
    tests: ['test/contract/sqlite.test.ts'],
  },
  {
    name: 'entries: a removed generation leaves them (DynamoDB)',
    edits: [
      [
        'adapters/aws/dynamodb/generation-store.ts',
        '[...(await this.#entries(place, ids)), ...ids]',
        '[...(await this.#entries(place, [])), ...ids]',
      ],
    ],
    tests: ENTRIES,
  },
  {
    name: 'entries: readers see half of a large change (DynamoDB)',
    edits: [
      ['adapters/aws/dynamodb/view-store.ts', 'view && hasEntry(view.entries, { list, order }) ?', 'view ?'],
      ['adapters/aws/dynamodb/view-store.ts', 'import { hasEntry, type ListEntry }', 'import type { ListEntry }'],
    ],
    tests: ENTRIES,
  },
  {
    name: 'entries: what a crash left is forgotten (DynamoDB)',
    edits: [
      ['adapters/aws/dynamodb/view-entries.ts', '=> [...entries, ...surplus];', '=> (void surplus, [...entries]);'],
    ],
    tests: ENTRIES,
  },
  {
    name: 'entries: a writer overlooks a large change in progress (DynamoDB)',
    edits: [
      [
        'adapters/aws/dynamodb/view-item.ts',
        "'attribute_not_exists(#surplus)'",
        "'(attribute_not_exists(#surplus) OR #surplus = #surplus)'",
      ],
    ],
    tests: ENTRIES,
  },
  {
    name: 'verification: the lists of a view are not compared',
    edits: [['core/verification/views.ts', 'if (misplaced) differences', 'if (misplaced && version < 0) differences']],
    tests: ['test/contract/memory.test.ts'],
  },
  {
    name: 'verification: all shared views are in one share',
    edits: [
      ['core/verification/counter-sums.ts', 'const bucket = bucketOf(key);', 'const bucket = 0 * bucketOf(key);'],
    ],
    tests: ['test/unit/core/verification/verification.test.ts'],
  },
  {
    name: 'verification: shares that were not looked at closely are not told of',
    edits: [
      [
        'core/verification/sums.ts',
        'others.length > 0 ? [...differences, moreOf(projection, others.length)] : differences',
        '(void moreOf, differences)',
      ],
    ],
    tests: ['test/unit/core/verification/verification.test.ts'],
  },
  {
    name: 'transaction: a check takes a version that the stream never reached',
    edits: [
      [
        'core/store/transact.ts',
        '...checks.flatMap(({ streamId, version }, index) => differs({ streamId }, version, checked[index])),',
        '',
      ],
    ],
    tests: ['test/contract/memory.test.ts'],
  },
  {
    name: 'transaction: the place after a checked version is no condition of the write',
    edits: [
      [
        'core/store/transact.ts',
        'const free = checks.map(({ streamId, version }) => ({ stream: streamId, version: version + 1 }));',
        'const free: [] = [];',
      ],
    ],
    tests: ['test/contract/memory.test.ts'],
  },
  {
    name: 'transaction: a key is looked for only where the transaction appends',
    edits: [['core/store/transact.ts', 'options.commitId === undefined ? undefined : markOf(', 'undefined && markOf(']],
    tests: ['test/contract/memory.test.ts'],
  },
  {
    name: 'transaction: a commit does not say how many there are',
    edits: [['core/store/transact.ts', 'size: appends.length }', 'size: 1 }']],
    tests: ['test/contract/memory.test.ts'],
  },
  {
    name: 'transaction: an error between two writes leaves the first (SQLite)',
    edits: [['adapters/embedded/sqlite/commit-changes.ts', "this.#database.exec('ROLLBACK TO change');", '{}']],
    tests: ['test/unit/adapters/embedded/sqlite/commit-storage.test.ts'],
  },
  {
    name: 'transaction: a check writes an item (DynamoDB)',
    edits: [
      [
        'adapters/aws/dynamodb/commit-changes.ts',
        '{ ConditionCheck: { ...condition, Key: action.free } }',
        '{ Put: { ...condition, Item: action.free } }',
      ],
    ],
    tests: aws,
  },
  {
    name: 'transaction: events that their aggregate does not admit are written',
    edits: [['core/state/raw-transaction.ts', 'if (!aggregate || !loaded) {', 'if (aggregate || !loaded) {']],
    tests: ['test/unit/api/transactions.test.ts'],
  },
  {
    name: 'tags: an append without a condition does not count',
    edits: [['core/store/event-store.ts', '(draft.tags.size > 0', '(draft.tags.size > 99']],
    tests: ['test/contract/memory.test.ts'],
  },
  {
    name: 'tags: a condition is checked before the write only',
    edits: [['core/store/transact.ts', '.filter(({ tag }) => !tags.has(tag))', '.filter(() => false)']],
    tests: ['test/contract/memory.test.ts'],
  },
  {
    name: 'approvals: a decision is taken after its time',
    edits: [['core/sagas/approvals.ts', 'if (Date.parse(until) <= Date.parse(now)) {', "if (now === '') {"]],
    tests: GATES,
  },
  {
    name: 'approvals: a saga fails at its deadline without a look at the approval',
    edits: [
      [
        'core/sagas/execution.ts',
        'for (const run of late) await this.#close(declaration, sagaId, saga, run);',
        "for (const { item, step } of late) await this.take(sagaId, { kind: 'refuse', step, item, reason: 'late' });",
      ],
    ],
    tests: GATES,
  },
  {
    name: 'approvals: a machine whose wait timed out turns its saga round, whatever the history has',
    edits: [['core/sagas/step-functions/callbacks.ts', 'if (!isDone) await this.#execution', 'await this.#execution']],
    tests: GATES,
  },
  {
    name: 'approvals: the bus does not bring their ends to sagas (AWS)',
    edits: [['lib/sagas/sagas.ts', ", 'approval.decided', 'approval.expired'];", '];']],
    tests: ['test/infra/saga-stack.test.ts'],
  },
  {
    name: 'signals: one that comes before its step is lost',
    edits: [
      [
        'core/sagas/state.ts',
        'return { ...saga, signals: { ...saga.signals, [name]: { answer, payload } } };',
        'return runOf(saga, name) ? { ...saga, signals: { ...saga.signals, [name]: { answer, payload } } } : saga;',
      ],
    ],
    tests: GATES,
  },
  {
    name: 'signals: the machine that waits is not told (AWS)',
    edits: [
      ['core/sagas/step-functions/callbacks.ts', " || event.type === 'saga.signalled') return this", ') return this'],
    ],
    tests: GATES,
  },
  {
    name: 'leases: a lease is not listed as due',
    edits: [['core/leases/lease-store.ts', "await this.#control.put(kindOf('lease-due'", "void (kindOf('lease-due'"]],
    tests: LEASES,
  },
  {
    name: 'leases: the items of a lease that is over go, and its loss is not recorded',
    edits: [['core/leases/lease-ends.ts', 'await this.#lose({ ...place, workerId }, lost);', 'void lost;']],
    tests: LEASES,
  },
  {
    name: 'leases: whoever meets a lease ends it',
    edits: [['core/leases/lease-ends.ts', "if (content.until > this.#history.now().toISOString()) return 'held';", '']],
    tests: LEASES,
  },
  {
    name: 'leases: the limit of an agent does not hold',
    edits: [['core/leases/lease-store.ts', 'return leases.length < limit ?', 'return limit > 0 ?']],
    tests: LEASES,
  },
  {
    name: 'leases: a claim that was lost before it came is taken',
    edits: [
      ['domain/task/claims.ts', 'const isOnItsWay = !part.isClaimed && fencing === next;', 'const isOnItsWay = false;'],
    ],
    tests: ['test/unit/domain/task-claims.test.ts'],
  },
  {
    name: 'leases: work under an older number is taken',
    edits: [['domain/task/task.ts', 'part.isClaimed && part.fencing === fencing &&', 'part.isClaimed &&']],
    tests: ['test/unit/domain/task-claims.test.ts'],
  },
  {
    name: 'push: addresses behind names are not checked',
    edits: [['adapters/web/addresses.ts', 'for (const { address } of found) assertPublic(host, address);', '']],
    tests: PUSH,
  },
  {
    name: 'push: addresses in URLs are not checked',
    edits: [['adapters/web/webhook.ts', 'if (isIP(host)) assertPublic(host, host);', '']],
    tests: PUSH,
  },
  {
    name: 'push: a refused request changes the secret',
    edits: [['core/subscriptions/operations.ts', 'subscription.decide(state, command, {', 'void ({']],
    tests: PUSH,
  },
  {
    name: 'push: a receiver that fails gets no rest',
    edits: [['core/subscriptions/push.ts', 'circuit.restsUntil = Date.now() + halfOpenAfter;', '']],
    tests: PUSH,
  },
  {
    name: 'subscriptions: later events of a parked stream are delivered',
    edits: [
      [
        'core/subscriptions/take.ts',
        'const waiting = shard.find(key) ? undefined : await parked(key);',
        "const waiting = shard.find(key) ? undefined : await parked('none');",
      ],
    ],
    tests: SUBSCRIPTIONS,
  },
  {
    name: 'subscriptions: a lost race for a shard counts as won',
    edits: [['core/subscriptions/shard-store.ts', 'if (isWritten) return true;', 'return true;']],
    tests: SUBSCRIPTIONS,
  },
  {
    name: 'subscriptions: an older definition may change a shard',
    edits: [['core/subscriptions/shard-store.ts', 'if (stored.revision > revision) return undefined;', '']],
    tests: SUBSCRIPTIONS,
  },
  {
    name: 'subscriptions: a shard skips the rest of a slice',
    edits: [
      [
        'core/subscriptions/take.ts',
        'if (ready >= max || !shard.hasRoom) break reading;',
        'if (ready >= max || !shard.hasRoom) {\n        position = slice.next;\n        break reading;\n      }',
      ],
    ],
    tests: SUBSCRIPTIONS,
  },
  {
    name: 'subscriptions: a stream is parked without its item',
    edits: [['core/subscriptions/shard-store.ts', 'parkings.length === 0', 'parkings.length >= 0']],
    tests: SUBSCRIPTIONS,
  },
  {
    name: 'subscriptions: the token of an earlier delivery is taken',
    edits: [
      ['core/subscriptions/shard.ts', 'delivery?.[0] === token', 'delivery !== undefined && delivery[0] >= token'],
    ],
    tests: SUBSCRIPTIONS,
  },
  {
    name: 'subscriptions: a change of settings is not taken over by the shards',
    edits: [
      [
        'core/subscriptions/operations.ts',
        'if (!push) await this.#targets.remove(name);\n    await this.#takeOver(definition);',
        'if (!push) await this.#targets.remove(name);',
      ],
    ],
    tests: SUBSCRIPTIONS,
  },
  {
    name: 'subscriptions: a move is not taken over by the shards',
    edits: [
      [
        'core/subscriptions/operations.ts',
        "const definition = await this.#command(name, { kind: 'seek', start: await this.#place(to) }, options);\n    await this.#takeOver(definition);",
        "const definition = await this.#command(name, { kind: 'seek', start: await this.#place(to) }, options);",
      ],
    ],
    tests: SUBSCRIPTIONS,
  },
  {
    name: 'schedules: the effect of a run gets another id each time',
    edits: [
      [
        'core/schedules/actions.ts',
        'const commitId = effectIdOf(scheduleId, dueAt);',
        'const commitId = effectIdOf(scheduleId, String(Math.random()));',
      ],
    ],
    tests: SCHEDULES,
  },
  {
    name: 'schedules: a run that has begun is not finished by the next host',
    edits: [['core/schedules/execution.ts', '      if (running) {', '      if (running && steps > 0) {']],
    tests: SCHEDULES,
  },
  {
    name: 'schedules: a cancelled schedule runs',
    edits: [['core/schedules/decider.ts', "if (status !== 'ACTIVE' || due !== dueAt", 'if (due !== dueAt']],
    tests: SCHEDULES,
  },
  {
    name: 'schedules: every missed run comes',
    edits: [['core/schedules/decider.ts', 'nextRun(timing, missed ? now : dueAt)', 'nextRun(timing, dueAt)']],
    tests: SCHEDULES,
  },
  {
    name: 'schedules: an instant that has passed goes to Scheduler',
    edits: [
      [
        'adapters/aws/scheduler/timers.ts',
        'if (seconds <= LONGEST_DELAY)',
        'if (seconds > 0 && seconds <= LONGEST_DELAY)',
      ],
    ],
    tests: ['test/unit/adapters/aws/scheduler/timers.test.ts'],
  },
  {
    name: 'reminders: they are set without a second look at the saga',
    edits: [
      [
        'core/sagas/execution.ts',
        'if (attempt === run.attempt) await this.endReminders(sagaId, after, run.item);',
        'if (attempt === run.attempt) return;',
      ],
    ],
    tests: ['test/unit/core/sagas/reminders.test.ts'],
  },
  {
    name: 'reminders: those of a saga that compensates stay',
    edits: [
      [
        'core/sagas/embedded-runner/runner.ts',
        "if (type === 'saga.compensating') await execution.endReminders(sagaId, saga);",
        '',
      ],
    ],
    tests: ['test/unit/core/sagas/reminders.test.ts'],
  },
];

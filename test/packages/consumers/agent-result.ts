/** What `agent.js` prints. */
export const recordedAndFollowed = {
  types: ['agent.created', 'agent.step-recorded', 'agent.step-recorded'],
  steps: 2,
  refused: ['AnnalsRequestError', 404, 'NOT_FOUND'],
};

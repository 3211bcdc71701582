/** How a server departs from what the adapters' scripts do: for showing that the checker sees it. */
export interface ServerRules {
  /** False: no script compares the run id, so that a restored copy goes on in its old epoch. */
  readonly comparesRunId: boolean;
  /** A bump that is sent again sets the token that it set before. */
  readonly tokenSentAgain: boolean;
  /** Epochs are counted instead of drawn, so that a lost one returns. */
  readonly countedEpochs: boolean;
  /** A bump's partition is where the caller says, in the order of its subjects, and not where the subject belongs. */
  readonly partitionFromCaller: boolean;
  /** False: a replica with another number of partitions is served like any. */
  readonly comparesPartitions: boolean;
  /** A bump counts as done when some of its partitions have answered. */
  readonly acceptsPartialBumps: boolean;
  /** False: a bump is two transactions. When it is notified its position is seen, and its marks are not. */
  readonly bumpsAtOnce: boolean;
  /** False: what was emptied by somebody keeps its epochs. */
  readonly noticesTruncation: boolean;
  /** False: a connection that listens is made again without a word. */
  readonly tellsOfLoss: boolean;
}

export const RIGHT: ServerRules = {
  comparesRunId: true,
  tokenSentAgain: false,
  countedEpochs: false,
  partitionFromCaller: false,
  comparesPartitions: true,
  acceptsPartialBumps: false,
  bumpsAtOnce: true,
  noticesTruncation: true,
  tellsOfLoss: true,
};

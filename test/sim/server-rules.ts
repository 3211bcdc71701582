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
  /** False: transactions do not wait for the rows that others hold; each bump has the next position all the same. */
  readonly waitsForRows: boolean;
  /** False: what a transaction notifies is sent before what it did can be seen. */
  readonly notifiesAtCommit: boolean;
  /** False: a bump is answered before its transaction has committed. */
  readonly answersAfterCommit: boolean;
  /** False: a publication whose id is known has an effect again. */
  readonly publishesOnce: boolean;
  /** False: partitions are logged, marks are not, and no crash is noticed by a partition. */
  readonly forgetsPartitions: boolean;
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
  waitsForRows: true,
  notifiesAtCommit: true,
  answersAfterCommit: true,
  publishesOnce: true,
  forgetsPartitions: true,
  tellsOfLoss: true,
};

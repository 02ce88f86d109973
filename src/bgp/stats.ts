/** BIRD's route change counters of one protocol, as `birdcl show protocols all` lists them. */
export class Stats {
  importUpdates = 0;
  importRejected = 0;
  importFiltered = 0;
  importIgnored = 0;
  importAccepted = 0;
  importWithdraws = 0;
  importWithdrawsIgnored = 0;
  importWithdrawsAccepted = 0;
  exportUpdates = 0;
  exportRejected = 0;
  exportFiltered = 0;
  exportAccepted = 0;
  exportWithdraws = 0;
  exportWithdrawsAccepted = 0;

  /** Count what `others` count of exports, too. */
  addExports(others: Stats): void {
    this.exportUpdates += others.exportUpdates;
    this.exportRejected += others.exportRejected;
    this.exportFiltered += others.exportFiltered;
    this.exportAccepted += others.exportAccepted;
    this.exportWithdraws += others.exportWithdraws;
    this.exportWithdrawsAccepted += others.exportWithdrawsAccepted;
  }
}

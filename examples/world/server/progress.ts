/** Where progress is shown. */
export interface Terminal {
  readonly isTTY?: boolean | undefined;
  write(text: string): unknown;
}

/** On a terminal one line that is rewritten, elsewhere a line for each step. */
export function progressOn(terminal: Terminal): (step: string, share: number) => void {
  return (step, share) => {
    const line = `${step} (${(share * 100).toFixed(0)} %)`;
    if (terminal.isTTY !== true) terminal.write(`${line}\n`);
    else terminal.write(`\r\u001b[2K${line}${share < 1 ? '' : '\n'}`);
  };
}

const BAR_WIDTH = 30;

/** For steps that tell of many shares: on a terminal a bar that fills, elsewhere a line for each quarter of a step. */
export function barOn(terminal: Terminal): (step: string, share: number) => void {
  const line = progressOn(terminal);
  let last = '';
  return (step, share) => {
    const filled = Math.floor(share * BAR_WIDTH);
    const bar = `${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)}`;
    const shown = terminal.isTTY === true ? bar : String(Math.floor(share * 4));
    if (last === step + shown) return;
    last = step + shown;
    line(terminal.isTTY === true ? `${step} ${bar}` : step, share);
  };
}

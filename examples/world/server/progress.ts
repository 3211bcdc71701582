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

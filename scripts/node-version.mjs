const NEEDED = [22, 12];

/**
 * Prints the Node version this process runs under and ends it if that is too old. The development dependency `node`
 * brings Node 24 to every npm script; `npm ci --ignore-scripts` leaves it out and npm silently falls back to the system's.
 */
export function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  console.log(`Node ${process.version}`);
  if (major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1])) return;
  console.error(
    `Node >= ${NEEDED.join('.')} is needed, this is ${process.version}. ` +
      'Run this through npm after a plain `npm ci`: it installs Node 24 locally.',
  );
  process.exit(1);
}

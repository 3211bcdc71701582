const STEPS = [
  [1e9, 's'],
  [1e6, 'ms'],
  [1e3, 'µs'],
  [1, 'ns'],
];

/** A measured amount with three digits and the unit that suits it. */
export function amount(value, unit) {
  if (unit !== 'ns') return `${digits(value)} ${unit}`;
  const [size, name] = STEPS.find(([least]) => value >= least) ?? [1, 'ns'];
  return `${digits(value / size)} ${name}`;
}

const digits = (value) => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2));

import { expect, test } from 'vitest';
import { compile } from './compiler.js';

/** A model of so many entities in three levels, and a call of every verb on each. */
function programOf(count: number): string {
  const lines = ["import { createTidemark, defineModel, defineView, entity } from 'tidemark';"];
  const parentOf = (i: number): number | null => (i < 3 ? null : Math.floor(i / 3) - 1);
  for (let i = 0; i < count; i++) {
    const parent = parentOf(i) === null ? '' : ' parentId: string; otherId: string | null;';
    lines.push(
      `interface R${String(i)} { id: string; name: string; level: number; version: number; x: number; y: number;${parent} }`,
    );
  }
  lines.push('const model = defineModel({ entities: {');
  for (let i = 0; i < count; i++) {
    const parent = parentOf(i);
    const links =
      parent === null
        ? ''
        : ` parents: { e${String(parent)}: 'parentId'${i % 5 === 0 && parent > 0 ? ", e0: 'otherId'" : ''} },`;
    lines.push(
      `  e${String(i)}: entity<R${String(i)}>()({${links} version: 'version', geometry: (row) => ({ x: row.x, y: row.y }), announce: ['name'] }),`,
    );
  }
  lines.push('} });', 'export const tide = createTidemark({ model, origin: {} });', 'const scope = tide.scope();');
  for (let i = 0; i < count; i++) {
    const e = `e${String(i)}`;
    lines.push(
      `export const v${String(i)} = defineView(model)({ name: '${e}', load: async (read, { id }: { id: string }) => (await read.get('${e}', id))?.level });`,
      `void tide.get('${e}', '1').then((row) => row?.name); void scope.getMany('${e}', ['1']); void scope.loaders.${e}.load('1');`,
      `void tide.view(v${String(i)}, { id: '1' }); void tide.change({ type: '${e}', id: '1', op: 'update', after: { level: 1 } });`,
      `void tide.spatial.near('${e}', { point: { x: 1, y: 1 }, radius: 1 }); tide.subscribe({ type: '${e}', id: '1' });`,
    );
    const parent = parentOf(i);
    if (parent !== null) lines.push(`void scope.children('${e}', { e${String(parent)}: '1' });`);
  }
  return lines.join('\n');
}

function costOf(count: number): { instantiations: number; ms: number } {
  const started = performance.now();
  const { program, errorsIn } = compile({ 'cost.ts': programOf(count) });
  expect(errorsIn('cost.ts')).toEqual([]);
  return { instantiations: program.getInstantiationCount(), ms: Math.round(performance.now() - started) };
}

// Measured 77,787 and a third above it.
const MOST = 105_000;

test('a model of 60 entities stays cheap to check, and twice as many cost about twice as much', () => {
  const base = costOf(1);
  const [half, whole] = [costOf(30), costOf(60)];
  console.info(
    `types: 30 entities ${String(half.instantiations)} instantiations, 60 ${String(whole.instantiations)} (${String(whole.ms)} ms, of which ${String(base.ms)} ms for one)`,
  );
  expect(whole.instantiations).toBeLessThan(MOST);
  expect(whole.instantiations / half.instantiations).toBeLessThan(2.5);
});

test('an app that emits declarations can export its model, its tide and its views', () => {
  const { program } = compile(
    { 'app.ts': programOf(3) },
    { declaration: true, emitDeclarationOnly: true, noEmit: false },
  );
  const emitted: string[] = [];
  const { diagnostics } = program.emit(undefined, (path, text) => {
    if (path.endsWith('types/app.d.ts')) emitted.push(text);
  });
  expect(diagnostics.map(({ messageText }) => messageText)).toEqual([]);
  expect(emitted[0]).toMatch(/export declare const tide: .*Tidemark</);
});

import { run } from './run.mjs';

// Both compilers must agree: `tsc` is the native 7, `tsc6` the JavaScript 6. The second project checks the sources
// alone, with the declarations they would emit.
for (const compiler of ['tsc', 'tsc6']) {
  for (const project of ['tsconfig.json', 'tsconfig.build.json']) {
    if (run(compiler, ['-p', project]) !== 0) {
      console.error(`${compiler} -p ${project} found errors`);
      process.exit(1);
    }
  }
}

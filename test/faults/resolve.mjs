// Lets Node run the sources as they are: they import './x.js', and the file is x.ts.
import { registerHooks } from 'node:module';

registerHooks({
  resolve: (specifier, context, next) => {
    if (!/^\.{1,2}\/.*\.js$/.test(specifier) || context.parentURL?.endsWith('.ts') !== true)
      return next(specifier, context);
    return next(specifier.replace(/\.js$/, '.ts'), context);
  },
});

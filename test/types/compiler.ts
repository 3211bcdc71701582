import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import ts from 'typescript';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

function optionsOfProject(): ts.CompilerOptions {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), (path) => ts.sys.readFile(path)) as {
    config: object;
  };
  return ts.parseJsonConfigFileContent({ ...config, include: [] }, ts.sys, ROOT).options;
}

/** Small programs that are not on disk, as if they lay in the project: 'tidemark' is src/index.ts. */
export function compile(files: Readonly<Record<string, string>>, more: ts.CompilerOptions = {}): Compiled {
  const options = { ...optionsOfProject(), ...more };
  const host = ts.createCompilerHost(options);
  const texts = new Map(Object.entries(files).map(([name, text]) => [join(ROOT, 'test/types', name), text]));
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (path) => texts.has(path) || fileExists(path);
  host.readFile = (path) => texts.get(path) ?? readFile(path);
  host.getSourceFile = (path, language, ...rest) => {
    const text = texts.get(path);
    return text === undefined ? getSourceFile(path, language, ...rest) : ts.createSourceFile(path, text, language);
  };
  const program = ts.createProgram([...texts.keys()], options, host);
  return {
    program,
    errorsIn: (name) => {
      const file = program.getSourceFile(join(ROOT, 'test/types', name));
      return ts
        .getPreEmitDiagnostics(program, file)
        .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
    },
  };
}

export interface Compiled {
  readonly program: ts.Program;
  /** What the compiler says of one file, all of each message. */
  errorsIn(name: string): readonly string[];
}

/** An instance directory: a complete Haraka configuration with the gateway's own files. */
import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import harakaConfig from 'haraka-config'
import { parseConfig, type Config } from '../config/config.js'
import type { Ini } from '../config/values.js'
import { PecError } from '../errors.js'

/** The package as it is built and published: plugins, defaults and this program. */
export const packageRoot = resolve(__dirname, '..', '..')

/** Where the package stands in an instance, so that Haraka finds `pec/...` in config/plugins. */
export function packageLink(directory: string): string {
  return join(directory, 'node_modules', 'haraka-plugin-pec')
}

/** Haraka's own program. */
export function harakaProgram(): string {
  return join(dirname(require.resolve('Haraka/package.json')), 'bin', 'haraka')
}

/** The settings of the instance in `directory`, as this file of its folder `config` has them. Throws PecError 'configuration' naming every fault. */
export function readInstance(directory: string, file = 'pec.ini'): Config {
  const path = resolve(directory)
  if (!existsSync(join(path, 'config', 'pec.ini'))) {
    throw new PecError(
      'configuration',
      `${directory} is no instance: it has no config/pec.ini. Make one with: pec init ${directory}`,
    )
  }
  // Unwatched: else each change of a file is told to the terminal, seconds later.
  return parseConfig(harakaConfig.module_config(path).get(file, 'ini', { no_watch: true }) as Ini, path)
}

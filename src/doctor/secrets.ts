/** Files that hold secrets: the gateway's user owns them, and nobody else may read them. */
import { stat } from 'node:fs/promises'
import type { Config } from '../config/config.js'
import { secretsOf } from '../config/secrets.js'
import { reasonOf } from '../errors.js'
import { refuse } from './examination.js'

export async function lookAtSecrets(config: Config): Promise<string> {
  const { directory } = config
  // It holds the hashes of passwords.
  const paths = [...secretsOf(config), ...(directory.engine === 'file' ? [directory.file] : [])]
  const faults = await Promise.all(paths.map(faultOf))
  refuse(faults.filter((fault) => fault !== undefined))
  return `${paths.length} files, readable by their owner only`
}

async function faultOf(path: string): Promise<string | undefined> {
  try {
    const { mode, uid } = await stat(path)
    if (uid !== process.getuid?.()) return `${path} belongs to user ${uid}`
    return (mode & 0o077) === 0 ? undefined : `${path} may be read by others (mode ${(mode & 0o777).toString(8)})`
  } catch (error) {
    return `${path} cannot be looked at: ${reasonOf(error)}`
  }
}

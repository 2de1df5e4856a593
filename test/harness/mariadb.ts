/** Whether tests can have a MariaDB, and the one they have. */
import { spawnSync } from 'node:child_process'

export { Mariadb as TestMariadb } from '../../src/lab/mariadb.js'

/** For the option `skip` of a test. */
export const mariadbIsMissing =
  spawnSync('mariadbd', ['--version']).status === 0 ? false : 'mariadbd is not installed: apt-get install mariadb-server'

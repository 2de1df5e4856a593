/** `pec doctor`: all that an installation needs, and what to do about what it lacks. */
import { Command } from 'commander'
import { examineInstallation } from '../doctor/doctor.js'
import type { Finding } from '../doctor/examination.js'
import { systemNames } from '../doctor/names.js'
import { readInstance } from './instance.js'
import { say } from './terminal.js'

interface DoctorOptions {
  readonly json?: true
  readonly skip?: readonly string[]
}

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('check everything that an installation needs, and say what to do; exit status 1 if anything is wrong')
    .argument('<DIR>', 'the instance directory')
    .option('--json', 'the findings as JSON')
    .option('--skip <WHAT...>', 'leave these out, e.g. dns before the domains are moved here')
    .action(doctor)
}

async function doctor(directory: string, { json, skip = [] }: DoctorOptions): Promise<void> {
  const findings = await examineInstallation(readInstance(directory), systemNames(), skip)
  if (json === true) say(JSON.stringify(findings, undefined, 2))
  else findings.flatMap(linesOf).forEach(say)
  const wrong = findings.filter(({ ok }) => !ok).length
  if (wrong > 0) process.exitCode = 1
  if (json !== true) say(wrong === 0 ? 'Everything is in order.' : `Wrong: ${wrong} of ${findings.length}.`)
}

const INDENT = ' '.repeat(24)

function linesOf({ what, ok, seen, advice }: Finding): string[] {
  const [first = '', ...more] = seen.split('\n')
  return [
    `${ok ? 'ok   ' : 'WRONG'} ${what.padEnd(INDENT.length - 6)}${first}`,
    ...more.map((line) => `${INDENT}${line}`),
    ...(advice === undefined ? [] : [`${INDENT}-> ${advice}`]),
  ]
}

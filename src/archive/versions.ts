/** The software that an archive was made by, as its manifest tells it. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** This package is two folders up, as source and as it is published. */
export function versions(): Readonly<Record<string, string>> {
  return {
    'haraka-plugin-pec': versionIn(join(__dirname, '..', '..', 'package.json')),
    Haraka: versionIn(require.resolve('Haraka/package.json')),
    node: process.versions.node,
  }
}

function versionIn(path: string): string {
  return (JSON.parse(readFileSync(path, 'utf8')) as { readonly version: string }).version
}

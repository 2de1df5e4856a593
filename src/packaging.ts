/**
 * The last step of the build: makes of dist/ the npm package that Haraka loads. Haraka finds `pec/NAME` of config/plugins as
 * node_modules/haraka-plugin-pec/NAME/package.json, so that each plugin gets a folder of its own with nothing else in it.
 */
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const root = resolve(__dirname, '..', '..')
const dist = join(root, 'dist')

const { name, version, description, license, engines, dependencies, overrides } = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8'),
) as Record<string, unknown>

/** Of src/: what measures, tries out and shows the gateway is for a clone of the project. */
const NOT_INSTALLED = ['bench', 'crash', 'demo', 'growth', 'load', 'lab/!(ports).js', 'packaging.js', 'config/reference.js']

write(join(dist, 'package.json'), {
  name,
  version,
  description,
  license,
  engines,
  dependencies,
  overrides,
  bin: { pec: 'src/cli/pec.js' },
  files: ['*', '!**/*.map', ...NOT_INSTALLED.map((path) => `!src/${path}`)],
})
for (const file of readdirSync(join(dist, 'plugins')).filter((entry) => entry.endsWith('.js'))) {
  const plugin = file.slice(0, -'.js'.length)
  mkdirSync(join(dist, plugin), { recursive: true })
  write(join(dist, plugin, 'package.json'), { name: `pec-${plugin}`, version, main: `../plugins/${file}` })
}
cpSync(join(root, 'config'), join(dist, 'config'), { recursive: true })
for (const file of ['README.md', 'CHANGELOG.md', 'LICENSE']) cpSync(join(root, file), join(dist, file))
chmodSync(join(dist, 'src', 'cli', 'pec.js'), 0o755)

function write(path: string, contents: unknown): void {
  writeFileSync(path, `${JSON.stringify(contents, undefined, 2)}\n`)
}

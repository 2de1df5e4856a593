import { section } from './section.js'

/** [log]: the flat logs; the size of a file in bytes. */
export const log = section('log', ['directory', 'max_bytes', 'server'], (values) => {
  const server = values.optionalText('server')
  if (server !== undefined && !/^[A-Za-z0-9.-]+$/.test(server))
    values.fault(`server is ${server}: only letters, digits, dots and hyphens may be in the name of a file`)
  return { directory: values.path('directory', 'log'), maxBytes: values.number('max_bytes', 10_485_760, 65_536), server }
})

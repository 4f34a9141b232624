"""HTTP for a component in Python, over `wasi:http`: waits without stopping the other calls.

`${secret.NAME}` in a header is replaced by the host, where the operator granted the secret for that
server. Redirects are not followed: where one leads may not be granted.
"""

from urllib.parse import urlsplit

import wit_world
from componentize_py_async_support import spawn
from componentize_py_types import Err, Ok
from wit_world.imports import client, http_types as http, types

# The longest answer that is read: a few of them fit into an instance.
LONGEST = 8 << 20


async def request(method, url, headers=(), body=None):
    """Status and body of the answer. Raises `unavailable`, or `denied` where a grant is missing."""
    parts = urlsplit(url)
    contents = None
    if body is not None:
        # Without its length a body goes out in chunks, which not every server reads.
        headers = [*headers, ("content-length", str(len(body)))]
        writer, contents = wit_world.byte_stream()
        spawn(write(writer, body))
    fields = http.Fields.from_list([(name, value.encode()) for name, value in headers])
    outgoing, _ = http.Request.new(fields, contents, no_trailers(), None)
    outgoing.set_method(getattr(http, f"Method_{method.capitalize()}")())
    outgoing.set_scheme(http.Scheme_Https() if parts.scheme == "https" else http.Scheme_Http())
    outgoing.set_authority(parts.netloc)
    outgoing.set_path_with_query((parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
    try:
        response = await client.send(outgoing)
        status = response.get_status_code()
        stream, trailers = http.Response.consume_body(response, done())
        read = bytearray()
        with stream, trailers:
            while not stream.writer_dropped:
                read += await stream.read(65536)
                if len(read) > LONGEST:
                    raise Err(types.Error_Internal(f"{url} answers more than {LONGEST} bytes"))
        return status, bytes(read)
    except Err as error:
        if isinstance(error.value, http.ErrorCode_HttpRequestDenied):
            raise Err(types.Error_Denied(f"{method} {parts.scheme}://{parts.netloc} is not granted")) from None
        if type(error.value).__module__ == http.__name__:
            raise Err(types.Error_Unavailable((f"{parts.netloc}: {error.value}", None))) from None
        raise


async def write(writer, body):
    with writer:
        await writer.write_all(body)


def no_trailers():
    return wit_world.result_option_http_types_fields_http_types_error_code_future(lambda: Ok(None))[1]


def done():
    return wit_world.result_unit_http_types_error_code_future(lambda: Ok(None))[1]

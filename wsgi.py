"""What a WSGI server loads: `gunicorn wsgi:app`."""

from app import create_app
from app.foundation import memory

app = create_app()
memory.settle()

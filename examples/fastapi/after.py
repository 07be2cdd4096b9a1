"""An application that takes documents and has a docq worker work on them."""
import os
import uuid
from pathlib import Path

from fastapi import FastAPI, UploadFile
from docq.fastapi import DurableTasks

from jobs import count_words

FOLDER = Path(os.environ.get("UPLOADS", "uploads"))
app = FastAPI()


@app.post("/upload", status_code=202)
async def upload(file: UploadFile, background_tasks: DurableTasks):
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / uuid.uuid4().hex
    path.write_bytes(await file.read())
    background_tasks.add_task(count_words, str(path))
    return {"id": path.name, "status": "pending"}


@app.get("/words/{id}")
async def words(id: uuid.UUID):
    found = FOLDER / f"{id.hex}.words"
    return {"words": int(found.read_text()) if found.exists() else None}

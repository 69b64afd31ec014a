"""What is done to video: cutting it into segments, multiplexing, encrypting, and saying what there is. Nothing here knows AWS."""

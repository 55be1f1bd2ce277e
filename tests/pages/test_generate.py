from engine.jobs.schema import QUEUED, SUCCEEDED


def texts(elements) -> str:
    return "\n".join(str(element.value) for element in elements)


def test_an_empty_studio_says_what_to_do_and_offers_examples(open_page):
    page = open_page("generate")

    assert "Type what you want to see" in texts(page.markdown)
    example = next(button for button in page.button if button.label.startswith("a castle"))
    example.click().run()
    assert page.text_area(key="prompt").value == "a castle on a mountain at sunset"


def test_from_prompt_to_picture(open_page, studio, work):
    page = open_page("generate")
    page.text_area(key="prompt").set_value("a castle")
    page.number_input(key="num_inference_steps").set_value(2)
    page.number_input(key="num_images").set_value(2)
    page.button(key="generate").click().run()

    (job,) = studio.jobs()
    assert job.state == QUEUED
    assert job.request.prompt == "a castle"
    assert job.request.seed is not None
    assert "next in line" in texts(page.text)

    work()
    page.run()
    assert studio.job(job.id).state == SUCCEEDED
    assert f"Seed {job.request.seed}" in texts(page.caption)
    assert f"Seed {job.request.seed + 1}" in texts(page.caption)


def test_pressing_generate_again_queues_another_job(open_page, studio):
    page = open_page("generate")
    page.text_area(key="prompt").set_value("a castle")
    page.button(key="generate").click().run()
    page.button(key="generate").click().run()

    first, second = studio.jobs()
    assert first.request.seed != second.request.seed
    assert "1 ahead of you" in texts(page.text)


def test_a_kept_seed_is_used_again(open_page, studio):
    page = open_page("generate", seed="7", keep_seed="true")
    page.text_area(key="prompt").set_value("a castle")
    page.button(key="generate").click().run()
    page.button(key="generate").click().run()

    assert [job.request.seed for job in studio.jobs()] == [7, 7]


def test_the_dice_draws_a_seed_and_keeps_it(open_page):
    page = open_page("generate")
    page.button(key="dice").click().run()

    assert page.number_input(key="seed").value >= 0
    assert page.toggle(key="keep_seed").value is True


def test_all_wrong_values_are_refused_together_and_nothing_is_queued(open_page, studio):
    page = open_page("generate")
    page.segmented_control(key="size").set_value("Custom").run()
    page.number_input(key="width").set_value(20)
    page.button(key="generate").click().run()

    said = texts(page.error)
    assert "Prompt must not be empty" in said
    assert "Width must be a multiple of 8; got 20" in said
    assert studio.jobs() == []

    page.text_area(key="prompt").set_value("a castle")
    page.number_input(key="width").set_value(64)
    page.button(key="generate").click().run()
    assert not page.error
    assert len(studio.jobs()) == 1


def test_a_waiting_job_can_be_cancelled(open_page, studio):
    page = open_page("generate")
    page.text_area(key="prompt").set_value("a castle")
    page.button(key="generate").click().run()
    (job,) = studio.jobs()
    page.button(key=f"cancel_{job.id}").click().run()

    assert studio.job(job.id).state == "cancelled"
    assert "Cancelled" in texts(page.info)


def test_a_prompt_is_shown_as_text_not_as_markup(open_page, studio, work):
    prompt = "**bold** <script>alert(1)</script> :material/home: [x](http://x)"
    studio.submit(studio.request({"prompt": prompt, "num_inference_steps": 1}))
    work()
    page = open_page("generate")

    assert prompt in texts(page.text)
    assert prompt not in texts(page.markdown)


def test_a_model_that_is_not_here_is_described_and_refused(open_page, studio):
    page = open_page("generate")
    page.selectbox(key="model").set_value("sd21").run()
    assert "is not on this machine" in texts(page.markdown)
    assert any("2.6 GB" in caption.value for caption in page.caption)

    page.text_area(key="prompt").set_value("a castle")
    page.button(key="generate").click().run()
    assert "Stable Diffusion 2" in texts(page.error)
    assert studio.jobs() == []


def test_a_wrong_path_for_an_own_copy_is_explained(open_page):
    page = open_page("generate")
    page.selectbox(key="model").set_value("sd21").run()
    page.text_input(key="source_sd21").set_value("/no/such/folder")
    page.button(key="use_sd21").click().run()

    assert "such" in texts(page.error)
